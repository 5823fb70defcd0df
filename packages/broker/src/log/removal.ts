import type { Cancel, Clock, Files, Logger } from "@odradek/kit";
import { DELETED_SUFFIX } from "../segment/file-names.ts";
import type { Segment } from "../segment/segment.ts";
import type { LogConfig } from "./log-config.ts";

/**
 * Takes segments off the disk: renamed at once, so that a restart does not see them, and removed a while later, off the loop
 * (unlinking a large cached file blocks for tens of milliseconds).
 */
export class Removal {
  readonly #files: Files;
  readonly #clock: Clock;
  readonly #config: () => Pick<LogConfig, "fileDeleteDelayMs">;
  readonly #logger: Logger;
  readonly #timers = new Set<Cancel>();

  constructor(options: { files: Files; clock: Clock; logger: Logger; config: () => LogConfig }) {
    this.#files = options.files;
    this.#clock = options.clock;
    this.#config = options.config;
    this.#logger = options.logger;
  }

  /** The newest first: after a crash in between, what is left is a log without a hole. */
  removeNewest(segments: readonly Segment[]): void {
    for (const segment of segments.toReversed()) this.#remove(segment);
  }

  removeOldest(segments: readonly Segment[]): void {
    for (const segment of segments) this.#remove(segment);
  }

  /** What was still waiting stays on disk with its suffix; the next start removes it. */
  close(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  #remove(segment: Segment): void {
    const renamed = segment.renameTo(DELETED_SUFFIX);
    const cancel = this.#clock.timer(this.#config().fileDeleteDelayMs, () => {
      this.#timers.delete(cancel);
      for (const path of renamed)
        this.#files.remove(path).catch((error: unknown) => {
          this.#logger.warn({ evt: "removal-failed", path, err: error }, "cannot remove a deleted segment's file");
        });
    });
    this.#timers.add(cancel);
  }
}
