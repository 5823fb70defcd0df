import type { Cancel, Clock, Files, Logger } from "@odradek/kit";
import { join } from "node:path";
import { DELETED_SUFFIX, fileName, type FileKind } from "../segment/file-names.ts";
import type { Segment } from "../segment/segment.ts";

const KINDS: readonly FileKind[] = ["log", "index", "timeindex", "txnindex"];

/**
 * Takes segments off the disk: renamed at once, so that a restart does not see them, and removed a while later, off the loop
 * (unlinking a large cached file blocks for tens of milliseconds).
 */
export class Removal {
  readonly #files: Files;
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #timers = new Set<Cancel>();

  constructor(options: { files: Files; directory: string; clock: Clock; logger: Logger }) {
    this.#files = options.files;
    this.#directory = options.directory;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  /** The newest first: after a crash in between, what is left is a log without a hole. */
  removeNewest(segments: readonly Segment[], delayMs: number): void {
    for (const segment of segments.toReversed()) this.#remove(segment, delayMs);
  }

  removeOldest(segments: readonly Segment[], delayMs: number): void {
    for (const segment of segments) this.#remove(segment, delayMs);
  }

  /** What was still waiting stays on disk with its suffix; the next start removes it. */
  close(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  #remove(segment: Segment, delayMs: number): void {
    const renamed: string[] = [];
    for (const kind of KINDS) {
      const path = join(this.#directory, fileName(segment.baseOffset, kind));
      if (!this.#files.exists(path)) continue;
      this.#files.rename(path, path + DELETED_SUFFIX);
      renamed.push(path + DELETED_SUFFIX);
    }
    const cancel = this.#clock.timer(delayMs, () => {
      this.#timers.delete(cancel);
      for (const path of renamed)
        this.#files.remove(path).catch((error: unknown) => {
          this.#logger.warn({ evt: "removal-failed", path, err: error }, "cannot remove a deleted segment's file");
        });
    });
    this.#timers.add(cancel);
  }
}
