import type { Files } from "@odradek/kit";
import { join } from "node:path";

const NAME = ".kafka_cleanshutdown";

/**
 * Takes the marker of a shutdown in order away, for good, before any log is touched: a crash while logs are loaded must not look like
 * a clean end (RELIABILITY L-06). Returns whether it was there.
 */
export async function takeCleanShutdown(files: Files, directory: string): Promise<boolean> {
  const path = join(directory, NAME);
  if (!files.exists(path)) return false;
  await files.remove(path);
  await files.syncDirectory(directory);
  return true;
}

/** The very last step of a shutdown (RELIABILITY L-20). */
export async function markCleanShutdown(files: Files, directory: string): Promise<void> {
  await files.replace(join(directory, NAME), Buffer.from(JSON.stringify({ version: 0, brokerEpoch: -1 })));
}
