import { type Clock, delay, FileError, type Logger } from "@odradek/kit";
import type { MetadataNode } from "./node.ts";
import { DistrustedError } from "./store/distrusted.ts";
import { RotError } from "./store/scrub.ts";
import { isNoSpace } from "./store/space.ts";

/** A node that has failed can't even be closed. */
export class HungError extends Error {
  override readonly name = "HungError";
}

/** Between two lives: twice as long each time, until one of them serves. */
const pauseMs = { min: 500, max: 5_000 };
/** What is closed longer than this hangs on a disk that hangs: only the end of the process is left. */
const closeMsMax = 10_000;

type Parts = {
  /** Starts a node; `onFailed` is called when its disk failed and it has stopped. */
  start: (onFailed: (error: Error) => void) => Promise<MetadataNode>;
  /** Called with the node of now; null: none serves. */
  onNode: (node: MetadataNode | null) => void;
  onReady: (node: MetadataNode) => void;
  stopping: Promise<unknown>;
  clock: Clock;
  logger: Logger;
};

/**
 * One node after the other until it is time to stop. A disk that failed ends a life: nothing more is acknowledged, and the next life begins by
 * reading everything again. LevelDB then writes what it had only logged into new, synced tables and the mark goes to its other slot, so nothing
 * rests on pages that a failed fsync has left marked as clean (RELIABILITY L-11). A full disk is waited for.
 * Rejects when the first start fails for another reason than a full disk, and with a HungError when a life does not end.
 */
export async function liveUntil({ start, onNode, onReady, stopping, clock, logger }: Parts): Promise<void> {
  let isStopping = false;
  const stopped = stopping.then(() => (isStopping = true));
  let hasStarted = false;
  for (let failures = 0; !isStopping; failures++) {
    const failed = Promise.withResolvers<Error>();
    let node: MetadataNode | null = null;
    let error: Error | null = null;
    try {
      node = await start(failed.resolve);
      onNode(node);
      hasStarted = true;
      const isReady = node.ready.then(() => "ready" as const);
      if ((await Promise.race([isReady, stopped, failed.promise])) === "ready") {
        onReady(node);
        failures = 0;
      }
      const end = await Promise.race([stopped, failed.promise]);
      error = end instanceof Error ? end : null;
    } catch (cause) {
      if (!hasStarted && !isNoSpace(cause)) throw cause;
      error = cause as Error;
    }
    onNode(null);
    if (error === null) return node?.close();
    const waitMs = Math.min(pauseMs.max, pauseMs.min * 2 ** failures);
    const { evt, why } = reasonOf(error);
    logger.error({ evt, err: error, waitMs }, `${why}; this node serves nobody and tries again`);
    const hung = delay(clock, closeMsMax).then(() =>
      Promise.reject(new HungError(`closing the store takes longer than ${closeMsMax} ms`)),
    );
    await Promise.race([node?.close(), hung]);
    await Promise.race([delay(clock, waitMs), stopped]);
  }
}

/** What ended a life. */
function reasonOf(error: Error): { evt: string; why: string } {
  if (isNoSpace(error)) return { evt: "DISK_FULL", why: "there is no room on the disk: free some" };
  if (error instanceof RotError) return { evt: "ROT", why: "the disk has changed what was written" };
  if (error instanceof DistrustedError) return { evt: "DISTRUSTED", why: "its state is not that of the majority" };
  if (isOfDisk(error)) return { evt: "DISK_FAILED", why: "the disk failed" };
  return { evt: "NODE_FAILED", why: error.message };
}

function isOfDisk(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = "code" in cause ? String(cause.code) : "";
    if (cause instanceof FileError || code === "EIO" || code.startsWith("LEVEL_")) return true;
  }
  return false;
}
