const VERSION = "0";

/**
 * Kafka's text checkpoints: a version, the number of lines, the lines. Null: not whole, not ours, or a crash of old times left it
 * half-written; whoever asked finds the facts elsewhere (RELIABILITY L-07).
 */
export function parseCheckpoint(bytes: Buffer | null): string[][] | null {
  if (bytes === null) return null;
  const lines = bytes.toString("utf8").split("\n");
  if (lines.pop() !== "") return null;
  const [version, count, ...entries] = lines;
  if (version !== VERSION || count !== String(entries.length)) return null;
  return entries.map((line) => line.split(" "));
}

/** Why `parseCheckpoint` takes these bytes for none, in words. */
export function checkpointProblem(bytes: Buffer): string {
  const lines = bytes.toString("utf8").split("\n");
  if (lines.pop() !== "") return "its last line does not end";
  const [version, count, ...entries] = lines;
  if (version === undefined) return "it is empty";
  if (version !== VERSION) return `version ${version}, not ${VERSION}`;
  return `it says that it has ${count ?? "no number of"} entries, and has ${entries.length}`;
}

export function formatCheckpoint(entries: readonly (readonly (string | number)[])[]): Buffer {
  return Buffer.from([VERSION, entries.length, ...entries.map((entry) => entry.join(" "))].join("\n") + "\n");
}

/** A number of a checkpoint, or NaN. */
export const wholeNumber = (text: string | undefined): number =>
  text !== undefined && /^\d{1,16}$/.test(text) ? Number(text) : NaN;
