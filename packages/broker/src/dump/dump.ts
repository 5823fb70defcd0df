import type { Files } from "@odradek/kit";
import { basename } from "node:path";
import { parseFileName } from "../segment/file-names.ts";
import { dumpBatches } from "./batches.ts";
import { dumpAbortedIndex, dumpOffsetIndex, dumpSnapshot, dumpTimeIndex } from "./entries.ts";
import type { Found } from "./found.ts";
import { dumpEpochs, dumpOffsets, dumpProperties, dumpWords } from "./text.ts";

export type { Found, Row } from "./found.ts";
export { SegmentGaps } from "./gaps.ts";

const checkpoints = new Set([
  "recovery-point-offset-checkpoint",
  "replication-offset-checkpoint",
  "log-start-offset-checkpoint",
  "cleaner-offset-checkpoint",
]);
const partitionProperties = new Map([
  ["version", /^0$/],
  ["topic_id", /^[A-Za-z0-9_-]{22}$/],
]);
const directoryProperties = new Map([["version", /^\d+$/]]);
/** What stands behind the name of a file that is about to be removed or to take another's place. */
const SUFFIX = /\.(?:deleted|cleaned|swap)$/;

/** Everything in a file of a data directory, by what its name says it is. Null: no file of a log has such a name. */
export function dumpFile(
  files: Files,
  path: string,
  options: { deep: boolean },
): AsyncIterable<Found> | Iterable<Found> | null {
  const name = basename(path).replace(SUFFIX, "");
  const bytes = (): Buffer => files.readAll(path) ?? Buffer.alloc(0);
  const parsed = parseFileName(name);
  if (parsed !== null) {
    const at = { base: parsed.offset, log: path.replace(/\.(?:time)?index/, ".log") };
    switch (parsed.kind) {
      case "log":
        return dumpBatches(files, path, { base: parsed.offset, deep: options.deep });
      case "index":
        return dumpOffsetIndex(files, bytes(), at);
      case "timeindex":
        return dumpTimeIndex(bytes(), at);
      case "txnindex":
        return dumpAbortedIndex(bytes());
      case "snapshot":
        return dumpSnapshot(bytes());
    }
  }
  if (name === "leader-epoch-checkpoint") return dumpEpochs(bytes());
  if (checkpoints.has(name)) return dumpOffsets(bytes());
  if (name === "partition.metadata") return dumpProperties(bytes(), partitionProperties);
  if (name === "meta.properties") return dumpProperties(bytes(), directoryProperties);
  if (name === "odradek-boot") return dumpWords(bytes(), "boot", /^\S+$/);
  if (name === "odradek-directories") return dumpWords(bytes(), "directoryId", /^[A-Za-z0-9_-]{22}(?::failed)?$/);
  return null;
}
