import { assert } from "@odradek/kit";

import type { Entry } from "../store/entry.ts";
import { type RaftLog, weightOf } from "./log.ts";
import type { Snapshot } from "../store/write.ts";
import { digestOf } from "../store/write.ts";
import type { RaftState } from "./state.ts";

export type CompactionLimits = {
  /** A snapshot is taken after so many entries or bytes of log. */
  snapshotEntries: number;
  snapshotBytes: number;
  /** Entries before the snapshot that stay for followers who are a little behind. */
  tailEntries: number;
};

export const defaultCompaction: CompactionLimits = {
  snapshotEntries: 10_000,
  snapshotBytes: 16 * 1024 * 1024,
  tailEntries: 2_000,
};

/** Decides when the log is replaced by a snapshot, and makes it. */
export class Compaction {
  readonly #limits: CompactionLimits;
  #snapshotIndex: number;
  /** Of log applied since. */
  #bytesSince = 0;

  constructor(limits: CompactionLimits, snapshotIndex: number) {
    assert(limits.tailEntries < limits.snapshotEntries, "a snapshot makes the log shorter");
    this.#limits = limits;
    this.#snapshotIndex = snapshotIndex;
  }

  get snapshotIndex(): number {
    return this.#snapshotIndex;
  }

  /** `applied` were just applied. The index after which the log stays, when it is time for a snapshot; else null. */
  due(log: RaftLog, applied: readonly Entry[]): number | null {
    const { snapshotEntries, snapshotBytes, tailEntries } = this.#limits;
    const { index } = applied.at(-1)!;
    for (const entry of applied) this.#bytesSince += weightOf(entry);
    const entries = index - Math.max(this.#snapshotIndex, log.base.index);
    if (entries < snapshotEntries && this.#bytesSince < snapshotBytes) return null;
    this.#snapshotIndex = index;
    this.#bytesSince = 0;
    let keepAfter = index;
    let bytes = 0;
    while (keepAfter > log.base.index && index - keepAfter < tailEntries && bytes < snapshotBytes / 2)
      bytes += weightOf(log.at(keepAfter--));
    return keepAfter;
  }

  installed(index: number): void {
    this.#snapshotIndex = index;
    this.#bytesSince = 0;
  }

  /** The state after the last applied entry, with everything a follower needs to go on from there. */
  take({ log, applied, cluster }: Readonly<RaftState>, data: Buffer): Snapshot {
    assert(cluster, "the first entry named the cluster");
    const { index, term, hash } = applied === log.base.index ? log.base : log.at(applied);
    return { info: { index, term, hash, cluster, bytes: data.length, digest: digestOf(data) }, data };
  }
}
