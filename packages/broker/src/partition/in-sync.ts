import type { Assignment, Peer } from "./assignment.ts";

/** What the leader knows of one follower in this leader epoch. */
type Follower = {
  /** Log end offset that it acknowledged in this epoch; -1: not attached. */
  end: number;
  /** Its registration, as it said when it attached. */
  incarnation: string;
  /** The last time at which it had everything that the leader had then. */
  caughtUpAtMs: number;
  /** A leader end to come: reaching it means "caught up at `atMs`". */
  mark: { end: number; atMs: number } | null;
};

type Proposal = { isr: readonly number[]; version: number; uncertain: boolean };

export type InSyncView = {
  ownEnd: number;
  high: number;
  epochStart: number;
  nowMs: number;
  peers: ReadonlyMap<number, Peer>;
};

/** A change of the in-sync replicas that should be proposed, against `version` of the partition node. */
export type WantedChange = { isr: number[]; version: number; addedIncarnations: Map<number, string> };

/**
 * The in-sync replicas of a partition as its leader sees them, for one leader epoch. Pure: time and offsets come in as arguments.
 * Until a proposed change is decided, both the committed and the proposed set count (the maximal set, RELIABILITY P-09).
 */
export class InSync {
  readonly #self: number;
  readonly #lagTimeMsMax: number;
  readonly #followers = new Map<number, Follower>();
  #replicas: readonly number[] = [];
  #isr: readonly number[] = [];
  #hasEligible = false;
  #version = -1;
  #minInsyncReplicas = 1;
  #proposal: Proposal | null = null;

  constructor(options: { self: number; lagTimeMsMax: number; assignment: Assignment; nowMs: number }) {
    this.#self = options.self;
    this.#lagTimeMsMax = options.lagTimeMsMax;
    this.update(options.assignment, options.nowMs);
  }

  /** The committed set. */
  get isr(): readonly number[] {
    return this.#isr;
  }

  /** Every replica that is or may be in sync: what the high watermark waits for. */
  get maximal(): readonly number[] {
    return this.#proposal === null ? this.#isr : [...new Set([...this.#isr, ...this.#proposal.isr])];
  }

  /**
   * acks=all is refused and the high watermark stands still (KIP-966, P-08): too few are in sync, or were by the settings that held then,
   * and those who left are still counted as eligible.
   */
  get isBelowMinimum(): boolean {
    return this.#hasEligible || this.#isr.length < this.#minInsyncReplicas;
  }

  get isProposing(): boolean {
    return this.#proposal !== null;
  }

  /** The log end offset of an attached follower in this epoch; -1 for others. */
  endOf(id: number): number {
    return this.#followers.get(id)?.end ?? -1;
  }

  /** Takes the partition as a newer picture of the same leader epoch has it. */
  update(assignment: Assignment, nowMs: number): void {
    this.#minInsyncReplicas = Math.min(assignment.config.minInsyncReplicas, assignment.replicas.length);
    if (assignment.version <= this.#version) return;
    this.#version = assignment.version;
    this.#isr = assignment.isr;
    this.#hasEligible = assignment.hasEligible;
    this.#replicas = assignment.replicas;
    if (this.#proposal !== null && this.#proposal.version < assignment.version) this.#proposal = null;
    for (const id of this.#followers.keys()) if (!this.#replicas.includes(id)) this.#followers.delete(id);
    for (const id of this.#replicas) {
      if (id === this.#self || this.#followers.has(id)) continue;
      const caughtUpAtMs = this.#isr.includes(id) ? nowMs : -Infinity;
      this.#followers.set(id, { end: -1, incarnation: "", caughtUpAtMs, mark: null });
    }
  }

  /** A follower's stream has attached the partition at `end`: from here on its offsets count. */
  attached(id: number, follower: { incarnation: string; end: number }, now: { ownEnd: number; nowMs: number }): void {
    const known = this.#followers.get(id);
    if (known === undefined) return;
    known.incarnation = follower.incarnation;
    known.mark = null;
    known.end = -1;
    // Far behind after an absence, it must not hold the high watermark back.
    if (!this.maximal.includes(id)) known.caughtUpAtMs = -Infinity;
    this.acknowledged(id, follower.end, now);
  }

  acknowledged(id: number, end: number, now: { ownEnd: number; nowMs: number }): void {
    const known = this.#followers.get(id);
    if (known === undefined) return;
    known.end = Math.max(known.end, end);
    if (known.end >= now.ownEnd) {
      known.caughtUpAtMs = now.nowMs;
      known.mark = null;
      return;
    }
    if (known.mark !== null && known.end >= known.mark.end) {
      known.caughtUpAtMs = known.mark.atMs;
      known.mark = null;
    }
    known.mark ??= { end: now.ownEnd, atMs: now.nowMs };
  }

  /**
   * The follower's stream ended: what it had is not known any more (P-11, P-12). One that had everything was caught up until now, however
   * long nothing was written: it has the lag time to come back.
   */
  detached(id: number, now: { ownEnd: number; nowMs: number }): void {
    const known = this.#followers.get(id);
    if (known === undefined) return;
    if (known.end >= now.ownEnd) known.caughtUpAtMs = now.nowMs;
    known.end = -1;
    known.mark = null;
  }

  /** The leader's own end moved on from `previousEnd`: who had everything until now was caught up until now. */
  ownEndMoved(previousEnd: number, nowMs: number): void {
    for (const known of this.#followers.values()) if (known.end >= previousEnd) known.caughtUpAtMs = nowMs;
  }

  /**
   * The high watermark that these offsets allow, never below `high`: the least end of the maximal set and of followers that
   * have been caught up lately and are about to join; without the latter nobody could ever join under load.
   */
  highWatermark(view: { ownEnd: number; high: number; nowMs: number }): number {
    if (this.isBelowMinimum) return view.high;
    const { maximal } = this;
    let least = view.ownEnd;
    for (const [id, known] of this.#followers) {
      const counts = maximal.includes(id) || (known.end >= 0 && !this.#isLagging(known, view.nowMs));
      if (counts) least = Math.min(least, known.end);
    }
    return Math.max(view.high, least);
  }

  /** The change that should be proposed now, if any; one at a time. */
  wanted(view: InSyncView): WantedChange | null {
    if (this.#proposal !== null) return null;
    const addedIncarnations = new Map<number, string>();
    for (const [id, known] of this.#followers)
      if (!this.#isr.includes(id) && this.#mayJoin(id, known, view)) addedIncarnations.set(id, known.incarnation);
    const staying = this.#isr.filter((id) => id === this.#self || !this.#hasFallenBehind(id, view));
    if (addedIncarnations.size === 0 && staying.length === this.#isr.length) return null;
    return { isr: [...staying, ...addedIncarnations.keys()], version: this.#version, addedIncarnations };
  }

  proposed(change: WantedChange): void {
    this.#proposal = { isr: change.isr, version: change.version, uncertain: false };
  }

  /**
   * How the proposal ended. Accepted: the next picture shows it; until then both sets count. Rejected: it never took effect, unless an
   * earlier try of it ended unknown. Unknown: it may yet take effect, so both sets go on counting until a picture tells.
   */
  decided(change: WantedChange, outcome: "accepted" | "rejected" | "unknown"): void {
    if (this.#proposal?.version !== change.version) return;
    if (outcome === "unknown") this.#proposal.uncertain = true;
    if (outcome === "rejected" && !this.#proposal.uncertain) this.#proposal = null;
  }

  /** KIP-320 rule 4 and P-10, P-11, P-13: attached in this epoch, has all that is committed and all before the epoch, and is alive as itself. */
  #mayJoin(id: number, known: Follower, view: InSyncView): boolean {
    const peer = view.peers.get(id);
    if (peer === undefined || peer.shuttingDown || peer.incarnation !== known.incarnation) return false;
    return known.end >= view.high && known.end >= view.epochStart && known.end >= 0;
  }

  #hasFallenBehind(id: number, view: InSyncView): boolean {
    const known = this.#followers.get(id);
    return known === undefined || (known.end < view.ownEnd && this.#isLagging(known, view.nowMs));
  }

  #isLagging(known: Follower, nowMs: number): boolean {
    return nowMs - known.caughtUpAtMs > this.#lagTimeMsMax;
  }
}
