import type { WatchEvent, Znode } from "@odradek/metadata/client";

/** A node as flat JSON: what it holds as an object where it is JSON, else as text, else as base64. */
export function nodeJson({ path, data, version, createdRevision, modifiedRevision, owner, childCount }: Znode) {
  return { path, version, createdRevision, modifiedRevision, owner, childCount, data: content(data) };
}

export function content(data: Buffer): unknown {
  const asText = data.toString("utf8");
  if (!Buffer.from(asText).equals(data)) return { base64: data.toString("base64") };
  if (!/^[[{]/.test(asText)) return asText;
  try {
    return JSON.parse(asText) as unknown;
  } catch {
    return asText;
  }
}

/** One line for the eye. */
export function brief(data: Buffer, widthMax: number): string {
  const shown = content(data);
  const line = (typeof shown === "string" ? shown : JSON.stringify(shown)).replaceAll(/\s+/g, " ");
  return line.length > widthMax ? `${line.slice(0, widthMax - 1)}…` : line;
}

export type Change = {
  revision: number;
  change: "created" | "set" | "deleted";
  path: string;
  version?: number;
  data?: unknown;
};

/** What one event of a watch changed, one entry per node; bookmarks change nothing. */
export function changesOf(event: WatchEvent): Change[] {
  if (event.is === "bookmark" || event.is === "compacted") return [];
  const { revision } = event;
  const nodes = event.is === "snapshot" ? event.nodes : event.changed;
  const deleted = event.is === "snapshot" ? [] : event.deleted;
  return [
    ...nodes.map(({ path, version, createdRevision, modifiedRevision, data }) => ({
      revision,
      change: createdRevision === modifiedRevision ? ("created" as const) : ("set" as const),
      path,
      version,
      data: content(data),
    })),
    ...deleted.map((path) => ({ revision, change: "deleted" as const, path })),
  ];
}
