import { epochMs } from "@odradek/kit/simulation";

import type { CompactionPlan } from "./compaction-plan.ts";
import type { SimRecord } from "./sim-record.ts";

type Committed = { record: SimRecord; atMs: number; overtakenBy: SimRecord | null };

/**
 * Which committed records compaction may have taken out of a log (RELIABILITY L-19): those that a newer committed one of the same key has overtaken, once that
 * is as old as min.compaction.lag.ms wants, and tombstones when delete.retention.ms has passed. Everything else is there for ever.
 */
export class Survivors {
  readonly plan: CompactionPlan;
  readonly #nowMs: () => number;
  readonly #committed: Committed[] = [];
  readonly #newest = new Map<string, Committed>();

  constructor(plan: CompactionPlan, nowMs: () => number) {
    this.plan = plan;
    this.#nowMs = nowMs;
  }

  /** Records come in offset order, without a gap. */
  committed(record: SimRecord): void {
    const committed = { record, atMs: this.#nowMs(), overtakenBy: null };
    const { key } = record;
    const before = this.#newest.get(key!);
    if (before !== undefined) before.overtakenBy = record;
    this.#newest.set(key!, committed);
    this.#committed.push(committed);
  }

  mayBeGone(offset: number): boolean {
    const committed = this.#committed[offset];
    if (committed === undefined) return false;
    const { record, atMs, overtakenBy } = committed;
    const { lagMs, deleteRetentionMs } = this.plan;
    const nowMs = this.#nowMs();
    if (overtakenBy !== null && epochMs + nowMs - overtakenBy.timestampMs >= lagMs) return true;
    return record.isTombstone && nowMs - atMs >= deleteRetentionMs;
  }

  /** What stands for each key, unless it was deleted. */
  *values(): Iterable<SimRecord & { key: string }> {
    for (const [key, { record }] of this.#newest) if (!record.isTombstone) yield { ...record, key };
  }
}
