import { assert } from "@odradek/kit";

import type { Entry } from "../store/entry.ts";
import type { Cluster, Restored } from "../store/write.ts";

/** What an entry of the kind "members" says. */
export const clusterIn = (entry: Entry): Cluster => JSON.parse(entry.data.toString()) as Cluster;

/** `index`: of the entry that says so; 0: a snapshot, or the hard state, or nobody yet. */
type Configuration = { index: number; cluster: Cluster };

/**
 * Who belongs to the cluster, along our log. The newest entry is in force from the moment it is in the log, committed or not (Raft §4.1),
 * so those that may still be cut off remember the ones before them (RELIABILITY R-12).
 * Invariant: indexes grow; the first configuration is applied or was configured, the others are not applied yet.
 */
export class Configurations {
  readonly #id: number;
  /** Someone has founded the cluster: not just what was configured. */
  #founded: boolean;
  #line: Configuration[];
  #voters: readonly number[] = [];
  #learners: readonly number[] = [];
  #others: readonly number[] = [];

  constructor(
    options: { id: number; members: readonly number[]; joining?: boolean },
    { hard, entries, applied }: Restored,
  ) {
    this.#id = options.id;
    const line = entries.filter((entry) => entry.is === "members").map(configurationIn);
    // An entry that was applied may be newer than what was saved: the process died in between.
    const last = line.findLast(({ index }) => index <= applied);
    const saved = last ?? (hard.cluster && { index: 0, cluster: hard.cluster });
    this.#founded = saved !== null;
    this.#line = [saved ?? { index: 0, cluster: configured(options) }, ...line.filter(({ index }) => index > applied)];
    this.#enforce();
  }

  /** Sorted. */
  get voters(): readonly number[] {
    return this.#voters;
  }

  /** Sorted; they follow and count for nothing. */
  get learners(): readonly number[] {
    return this.#learners;
  }

  /** All but ourselves. */
  get others(): readonly number[] {
    return this.#others;
  }

  /** In force. */
  get newest(): Configuration {
    return this.#line.at(-1)!;
  }

  /** A voter, or one that was until an entry that may still be cut off. */
  mayLead(commit: number): boolean {
    const { cluster, index } = this.newest;
    if (cluster.members.includes(this.#id)) return true;
    return index > commit && this.#line.some((each) => each.cluster.members.includes(this.#id));
  }

  appended(entry: Entry): void {
    assert(entry.index > this.newest.index, "configurations come in the order of the log");
    this.#line.push(configurationIn(entry));
    this.#enforce();
  }

  truncatedFrom(from: number): void {
    assert(this.#line[0]!.index < from, "an applied configuration stays");
    this.#line = this.#line.filter(({ index }) => index < from);
    this.#enforce();
  }

  /** The newest up to `applied`, when any entry said one; those before it are forgotten. */
  appliedAt(applied: number): Cluster | null {
    const at = this.#line.findLastIndex(({ index }) => index <= applied);
    if (at > 0) this.#founded = true;
    this.#line.splice(0, Math.max(0, at));
    return this.#founded ? this.#line[0]!.cluster : null;
  }

  /** A snapshot has replaced the log (RELIABILITY R-12). */
  installed(index: number, cluster: Cluster): void {
    this.#founded = true;
    this.#line = [{ index, cluster }];
    this.#enforce();
  }

  #enforce(): void {
    const { members, learners = [] } = this.newest.cluster;
    this.#voters = sorted(members);
    this.#learners = sorted(learners);
    this.#others = sorted([...members, ...learners]).filter((id) => id !== this.#id);
    assert(
      new Set([...members, ...learners]).size === members.length + learners.length,
      "a member is one or the other",
    );
  }
}

const configurationIn = (entry: Entry): Configuration => ({ index: entry.index, cluster: clusterIn(entry) });

/** Before anyone has founded it. */
function configured(options: { id: number; members: readonly number[]; joining?: boolean }): Cluster {
  const { id, members, joining = false } = options;
  if (!joining) return { id: "", members: sorted(members) };
  return { id: "", members: sorted(members).filter((each) => each !== id), learners: [id] };
}

const sorted = (ids: readonly number[]): number[] => ids.toSorted((a, b) => a - b);
