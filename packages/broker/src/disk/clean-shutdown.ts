import type { Files } from "@odradek/kit";
import { join } from "node:path";

const NAME = ".kafka_cleanshutdown";

/** How the last process that used a data directory ended. */
export type LastShutdown = {
  /** It closed its logs in order. */
  readonly clean: boolean;
  /** Partitions (directory names) that it found unclean itself and never opened. */
  readonly unchecked: ReadonlySet<string>;
};

/**
 * Takes the marker of a shutdown in order away, for good, before any log is touched: a crash while logs are loaded must not look like
 * a clean end (RELIABILITY L-06).
 */
export async function takeCleanShutdown(files: Files, directory: string): Promise<LastShutdown> {
  const path = join(directory, NAME);
  const bytes = files.readAll(path);
  if (bytes === null) return { clean: false, unchecked: new Set() };
  await files.remove(path);
  await files.syncDirectory(directory);
  const unchecked = uncheckedIn(bytes);
  return unchecked === null ? { clean: false, unchecked: new Set() } : { clean: true, unchecked };
}

/** The very last step of a shutdown (RELIABILITY L-20). Kafka's marker, with the names of partitions that still need checking. */
export async function markCleanShutdown(files: Files, directory: string, unchecked: Iterable<string>): Promise<void> {
  const marker = { version: 0, brokerEpoch: -1, unchecked: [...unchecked] };
  await files.replace(join(directory, NAME), Buffer.from(JSON.stringify(marker)));
}

/** The names in a marker; none in one of Kafka's, null when it can't be read. */
function uncheckedIn(bytes: Buffer): Set<string> | null {
  try {
    const marker: unknown = JSON.parse(bytes.toString("utf8"));
    if (typeof marker !== "object" || marker === null) return null;
    const names = "unchecked" in marker ? marker.unchecked : [];
    return Array.isArray(names) ? new Set(names.map(String)) : null;
  } catch {
    return null; // a damaged marker: the logs are checked, which is always right
  }
}
