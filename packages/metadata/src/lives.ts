import { type Clock, delay, type Logger } from "@odradek/kit";
import type { MetadataNode } from "./node.ts";
import { isNoSpace } from "./store/space.ts";

/** Between two lives: twice as long each time, until one of them serves. */
const pauseMs = { min: 500, max: 5_000 };

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
 * Rejects when the first start fails for another reason than a full disk.
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
    await node?.close();
    if (error === null) return;
    const waitMs = Math.min(pauseMs.max, pauseMs.min * 2 ** failures);
    const why = isNoSpace(error) ? "there is no room on the disk: free some" : "the disk failed";
    logger.error({ evt: "DISK_FAILED", err: error, waitMs }, `${why}; this node serves nobody and tries again`);
    await Promise.race([delay(clock, waitMs), stopped]);
  }
}
