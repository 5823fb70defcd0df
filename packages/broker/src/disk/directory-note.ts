import type { Files } from "@odradek/kit";
import { join } from "node:path";

const NAME = "odradek-directories";

/** Ids of the data directories that the broker had, as the note beside this directory's logs says; empty without one. */
export function notedDirectories(files: Files, directory: string): string[] {
  const note = files.readAll(join(directory, NAME))?.toString("utf8") ?? "";
  return note.split("\n").filter((id) => id !== "");
}

/** Each directory names all of them: whoever starts without one of them has lost what was in it (KIP-966). */
export async function noteDirectories(files: Files, directory: string, ids: readonly string[]): Promise<void> {
  const path = join(directory, NAME);
  const note = `${ids.toSorted().join("\n")}\n`;
  if (files.readAll(path)?.toString("utf8") !== note) await files.replace(path, Buffer.from(note));
}
