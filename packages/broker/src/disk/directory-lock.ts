import type { Files, Logger } from "@odradek/kit";
import { Level } from "level";
import { join } from "node:path";
import { makeDurableDirectory } from "./durable-directory.ts";

/** Kafka's name for it. There it is a file; here LevelDB keeps its lock in it, for Node itself can lock none. */
const NAME = ".lock";

/** Another process writes to one of this broker's data directories. */
export class DirectoryInUseError extends Error {
  override readonly name = "DirectoryInUseError";

  constructor(path: string) {
    super(
      `${path} is in use by another broker: two would destroy each other's logs. Stop that one, or give this one a directory of its own (log.dirs)`,
    );
  }
}

/**
 * Takes the data directories for this process, before it touches anything in them. The system lets go of them when the process ends, however it
 * ends. Throws DirectoryInUseError. A disk that can't even be locked is left to whoever opens the directory: the others go on without it.
 */
export async function lockDirectories(
  paths: readonly string[],
  { files, logger }: { files: Files; logger: Logger },
): Promise<void> {
  for (const path of paths)
    try {
      await makeDurableDirectory(files, path);
      await new Level(join(path, NAME)).open();
    } catch (error) {
      if (isLocked(error)) throw new DirectoryInUseError(path);
      logger.warn({ evt: "directory-unlocked", path, err: error }, "can't lock a data directory");
    }
}

const isLocked = (error: unknown): boolean =>
  error instanceof Error && (error.cause as { code?: unknown } | undefined)?.code === "LEVEL_LOCKED";
