import type { Clock, Logger } from "@odradek/kit";
import type { DerivedState } from "../log/derived-state.ts";
import type { Log } from "../log/log.ts";
import type { LogConfig } from "../log/log-config.ts";
import { CorruptLogError } from "../segment/walk.ts";
import { Compaction, InterruptedError, piecesOf } from "./compaction.ts";
import { isDue, planOf, type Plan } from "./plan.ts";
import { Throttle } from "./throttle.ts";

/** A damaged log may have been mended after this (RELIABILITY L-02). */
const DAMAGE_RETRY_MS = 600_000;

/** A partition's log as compaction sees it. */
export type Compactable = {
  readonly topic: string;
  readonly partition: number;
  readonly log: Log;
  readonly derived: Pick<DerivedState, "isLastOfProducer">;
  readonly config: LogConfig;
  /** Nothing at or above is touched: not committed yet, or part of an open transaction. */
  readonly lastStable: number;
  /** Told that the log holds something that must not be believed. */
  readonly damaged: () => void;
};

/** Where compaction of each partition has come to, across restarts (cleaner-offset-checkpoint). */
export interface CleanOffsets {
  get(topic: string, partition: number): number | undefined;
  set(line: { topic: string; partition: number; offset: number }): void;
  save(): Promise<void>;
}

export type CompactorOptions = {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly cleanOffsets: CleanOffsets;
  readonly config: { readonly bytesPerSecondMax: number; readonly mapBytesMax: number };
  readonly logs: () => Iterable<Compactable>;
};

/** Compacts the logs of one broker, one after the other, the dirtiest first. Leaders and followers alike compact their own copies. */
export class Compactor {
  readonly #options: CompactorOptions;
  readonly #throttle: Throttle;
  /** Logs with damage, and when to look again: until then they are left alone, and nothing is lost that a peer may give back. */
  readonly #damaged = new WeakMap<Log, number>();
  /** How often each log had been truncated when its clean offset was last right. */
  readonly #truncations = new WeakMap<Log, number>();
  #closed = false;
  #round: Promise<void> = Promise.resolve();

  constructor(options: CompactorOptions) {
    this.#options = options;
    this.#throttle = new Throttle(options.clock, options.config.bytesPerSecondMax);
  }

  /** Compacts until nothing is due. Each log has one turn, so that one that fails does not keep the others waiting. */
  round(): Promise<void> {
    this.#round = this.#compactAll();
    return this.#round;
  }

  /** Stops at the next slice; resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#round.catch(() => undefined); // whoever asked for the round is told
  }

  async #compactAll(): Promise<void> {
    const done = new Set<Log>();
    for (;;) {
      const next = this.#dirtiest(done);
      if (next === null || this.#closed) return;
      done.add(next.of.log);
      await this.#compact(next.of, next.plan);
    }
  }

  #dirtiest(done: ReadonlySet<Log>): { of: Compactable; plan: Plan } | null {
    let dirtiest: { of: Compactable; plan: Plan } | null = null;
    for (const of of this.#options.logs()) {
      const { log, config } = of;
      if (!config.cleanupPolicy.compact || log.isOver || done.has(log)) continue;
      if (this.#options.clock.now() < (this.#damaged.get(log) ?? 0)) continue;
      const plan = this.#plan(of);
      if (plan !== null && isDue(plan, config) && plan.ratio > (dirtiest?.plan.ratio ?? -1)) dirtiest = { of, plan };
    }
    return dirtiest;
  }

  #plan(of: Compactable): Plan | null {
    const { log, config, lastStable } = of;
    const pieces = piecesOf(log, config.maxCompactionLagMs !== Infinity);
    const bound = Math.min(lastStable, log.written.value);
    return planOf(pieces, { dirtyFrom: this.#dirtyFrom(of), bound, wallMs: this.#options.clock.wallMs() }, config);
  }

  /** What is said to be clean counts only as far as the log still has it: a truncation makes everything behind it dirty. */
  #dirtyFrom({ topic, partition, log }: Compactable): number {
    const { count, lowest } = log.sealed.truncations;
    let clean = this.#options.cleanOffsets.get(topic, partition) ?? 0;
    if (clean > log.end) clean = 0;
    if (count !== (this.#truncations.get(log) ?? 0)) clean = Math.min(clean, lowest);
    return Math.max(clean, log.start);
  }

  async #compact(of: Compactable, plan: Plan): Promise<void> {
    const { clock, logger } = this.#options;
    const { log, topic, partition } = of;
    const name = `${topic}-${partition}`;
    const startedMs = clock.now();
    try {
      // Only what is on stable storage is read: a start after a crash must find the replaced and the replacing to be the same.
      if (log.synced < plan.upTo) await log.flush();
      for (let { dirtyFrom } = plan; dirtyFrom < plan.upTo && !this.#closed;) {
        const compacted = await this.#pass(of, { dirtyFrom, upTo: plan.upTo });
        const tookMs = Math.round(clock.now() - startedMs);
        logger.info({ evt: "compacted", partition: name, dirtyFrom, ...compacted, tookMs }, "compacted a log");
        if (compacted.cleanUpTo <= dirtyFrom) return;
        dirtyFrom = compacted.cleanUpTo;
      }
    } catch (error) {
      this.#failed(of, error);
    }
  }

  async #pass(of: Compactable, range: { dirtyFrom: number; upTo: number }) {
    const { cleanOffsets, clock, config } = this.#options;
    const { topic, partition, log } = of;
    const { count } = log.sealed.truncations;
    const { mapBytesMax } = config;
    const throttle = this.#throttle;
    const compaction = new Compaction({ ...of, clock, throttle, mapBytesMax, isStopped: () => this.#closed });
    const compacted = await compaction.run(range);
    if (log.isOver) throw new InterruptedError("the log is closed");
    cleanOffsets.set({ topic, partition, offset: compacted.cleanUpTo });
    this.#truncations.set(log, count);
    await cleanOffsets.save();
    return compacted;
  }

  #failed({ topic, partition, log, damaged }: Compactable, error: unknown): void {
    const { clock, logger } = this.#options;
    const name = `${topic}-${partition}`;
    if (error instanceof InterruptedError || log.isOver) return;
    if (error instanceof CorruptLogError) {
      this.#damaged.set(log, clock.now() + DAMAGE_RETRY_MS);
      const fields = { evt: "partition-uncleanable", partition: name, err: error };
      logger.error(fields, "a segment is damaged: the partition is not compacted until it is mended; nothing was lost");
      damaged();
      return;
    }
    logger.warn(
      { evt: "compaction-failed", partition: name, err: error },
      "compaction failed; the next round tries again",
    );
  }
}
