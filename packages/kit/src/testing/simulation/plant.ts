import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";

/**
 * A bug that a simulator must see: the text of one product file with something else in its place. It is planted while the file is
 * loaded, so that nothing of it is ever in the product.
 */
export type PlantedBug = {
  name: string;
  /** The scenario of RELIABILITY whose promise it breaks. */
  id: string;
  /** What goes wrong, in a few words. */
  what: string;
  /** A protection that would keep it from doing harm, which the edits take out too. */
  without?: string;
  edits: Edit[];
};

export type Edit = {
  /** Under the folder of the product's sources that whoever plants it names. */
  file: string;
  /** Stands exactly once in the file, line breaks and indentation aside. */
  find: string;
  replace: string;
};

/** Plants the bug in every module under `sources` that this thread loads from now on. */
export function plant(bug: PlantedBug, sources: string): void {
  const targets = new Set(bug.edits.map(({ file }) => new URL(file, sources).href));
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      return targets.has(url) ? { ...loaded, source: injured(bug, sources, url) } : loaded;
    },
  });
}

/** Throws when a file has changed so that the bug no longer fits. */
export function checkFits(bug: PlantedBug, sources: string): void {
  for (const { file } of bug.edits) injured(bug, sources, new URL(file, sources).href);
}

function injured(bug: PlantedBug, sources: string, url: string): string {
  let text = readFileSync(fileURLToPath(url), "utf8");
  for (const { file, find, replace } of bug.edits) {
    if (new URL(file, sources).href !== url) continue;
    const pattern = new RegExp(find.trim().split(/\s+/).map(escaped).join("\\s+"), "g");
    const places = text.match(pattern)?.length ?? 0;
    if (places !== 1) throw new Error(`planted bug ${bug.name} fits ${places} places of ${file}, not one: ${find}`);
    text = text.replace(pattern, () => replace);
  }
  return text;
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
