import { assert, type Cancel, type Clock, type KvWrite, type Logger } from "@odradek/kit";

import type { PeerLinks } from "../peers/links.ts";
import type { Store } from "../store/store.ts";
import { AppliedRows, appliedRowsMs } from "./applied-rows.ts";
import type { Compaction } from "./compaction.ts";
import type { Changed, CommittedEntry, Consensus, ConsensusStatus, Leadership, Proposed } from "./consensus.ts";
import type { StateMachine, Transferred } from "./consensus.ts";
import type { RaftCore } from "./core.ts";
import { DistrustedError } from "../store/distrusted.ts";
import type { Entry, Position } from "../store/entry.ts";
import type { Space } from "../store/space.ts";
import type { Envelope } from "../peers/messages.ts";
import type { Snapshot, StateRow } from "../store/write.ts";
import type { MemberChange } from "./membership.ts";
import type { Ready } from "./ready.ts";
import { isDispensable } from "./present.ts";
import type { Verdict } from "./state.ts";
import type { Write } from "../store/write.ts";
import { roomOf } from "./room.ts";
import { statusOf } from "./status.ts";

export type DriverParts<Result> = {
  core: RaftCore;
  store: Store;
  links: PeerLinks;
  stateMachine: StateMachine<Result>;
  clock: Clock;
  logger: Logger;
  compaction: Compaction;
  /** The node can't go on: its disk failed. Called once. */
  onFailed: (error: Error) => void;
};

type Waiting<Outcome> = { term: number; settle: (outcome: Outcome) => void };

/** Rounds of `ready` in one go before other work gets its turn. */
const roundsMax = 16;

/** The loop around the core: ready → store → peers → state machine. Everything of one tick shares its messages and its write. */
export class RaftDriver<Result> implements Consensus<Result> {
  onLeadership: (leadership: Leadership) => void = () => {};
  onApplied: (entry: CommittedEntry, result: Result) => void = () => {};
  onRestored: () => void = () => {};
  onMembers: () => void = () => {};
  readonly #parts: DriverParts<Result>;
  readonly #proposals = new Map<number, Waiting<Proposed<Result>>>();
  readonly #changes = new Map<number, Waiting<Changed>>();
  readonly #reads = new Map<number, (outcome: "ok" | "notLeader") => void>();
  readonly #rows = new AppliedRows();
  /** The timer that stores them; null: nothing waits. */
  #storeRows: Cancel | null = null;
  #nextRead = 1;
  #leadership: Leadership;
  #lastWrite: Promise<void> = Promise.resolve();
  #scheduled = false;
  #timer: Cancel = () => {};
  #stopped = false;

  /** For status, checks and tests. */
  get core(): RaftCore {
    return this.#parts.core;
  }

  constructor(parts: DriverParts<Result>) {
    this.#parts = parts;
    this.#leadership = this.#currentLeadership();
    this.#noteMembers();
    parts.links.onMessage = (from, message) => this.#step({ is: "message", from, message });
    parts.links.onDied = (peer) => this.#step({ is: "peerDied", peer });
    this.#schedule();
  }

  get leadership(): Leadership {
    return this.#leadership;
  }

  get room(): Space {
    return roomOf(this.#parts.core.state);
  }

  /** Calls `look` between two writes to the store: all it begins to read is of one moment. */
  still<Seen>(look: (last: Position) => Seen): Promise<Seen> {
    return this.#parts.store.still(look);
  }

  /** The disk has changed what was written; memory has it. This node stops, as after a write that failed, unless it is needed. */
  noteRot(error: Error): void {
    const { core, links, logger } = this.#parts;
    if (isDispensable(core.state, (peer) => links.reaches(peer))) return this.#fail(error);
    logger.error(
      { evt: "ROT", err: error },
      "the disk has changed what was written, and the others could not go on without this node: it stays, with what is in its memory",
    );
  }

  /** So much room has our disk now. */
  noteSpace(space: Space): void {
    this.#step({ is: "space", space });
  }

  propose(data: Buffer): Promise<Proposed<Result>> {
    if (this.#stopped) return Promise.resolve({ is: "notLeader", leader: null });
    const { core, clock } = this.#parts;
    const submitted = core.propose(clock.now(), data);
    if (submitted.is === "notLeader")
      return Promise.resolve({ is: "notLeader", leader: leaderOf(core, { others: true }) });
    if (submitted.is === "busy") return Promise.resolve(submitted);
    this.#schedule();
    return new Promise((settle) => {
      assert(!this.#proposals.has(submitted.index), "an index is proposed once per leadership");
      this.#proposals.set(submitted.index, { term: submitted.term, settle });
    });
  }

  readBarrier(): Promise<"ok" | "notLeader"> {
    if (this.#stopped) return Promise.resolve("notLeader");
    const context = this.#nextRead++;
    return new Promise((settle) => {
      this.#reads.set(context, settle);
      this.#step({ is: "read", context });
    });
  }

  change(change: MemberChange): Promise<Changed> {
    if (this.#stopped) return Promise.resolve({ is: "notLeader", leader: null });
    const { core, clock, logger } = this.#parts;
    const submitted = core.change(clock.now(), change);
    logger.info({ evt: "MEMBERS_CHANGE", change, submitted }, `members: ${change.is} ${change.id}`);
    if (submitted.is === "notLeader")
      return Promise.resolve({ is: "notLeader", leader: leaderOf(core, { others: true }) });
    if (submitted.is === "refused") return Promise.resolve(submitted);
    this.#schedule();
    return new Promise((settle) => this.#changes.set(submitted.index, { term: submitted.term, settle }));
  }

  async transfer(to?: number): Promise<Transferred> {
    const { core } = this.#parts;
    const { role, term } = core.state;
    if (role.is !== "leader" || this.#stopped) return { is: "notLeader", leader: leaderOf(core, { others: true }) };
    await this.#handOver(to);
    return core.state.term > term || core.state.role.is !== "leader" ? { is: "done" } : { is: "notTaken" };
  }

  snapshot(): Snapshot {
    return this.#parts.compaction.take(this.#parts.core.state, this.#parts.stateMachine.snapshot());
  }

  status(): ConsensusStatus {
    return statusOf(this.#parts.core, this.#parts.compaction.snapshotIndex);
  }

  async close(): Promise<void> {
    await this.#handOver();
    this.#flushRows();
    this.#stop();
    await this.#parts.links.close();
    await this.#parts.store.close();
  }

  /** Leaving in order, a leader names its successor, so that nobody has to wait for an election timeout. */
  async #handOver(to?: number): Promise<void> {
    const { core, clock } = this.#parts;
    const { role } = core.state;
    if (role.is !== "leader" || this.#stopped) return;
    this.#step({ is: "transfer", ...(to !== undefined && { to }) });
    while (!this.#stopped && core.state.role === role && role.transfer !== null)
      await new Promise<void>((resolve) => clock.timer(5, resolve));
  }

  #step(input: Parameters<RaftCore["step"]>[1]): void {
    if (this.#stopped) return;
    this.#parts.core.step(this.#parts.clock.now(), input);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    this.#parts.clock.afterTick(() => {
      this.#scheduled = false;
      if (!this.#stopped) this.#pump();
    });
  }

  #pump(): void {
    const { core, clock } = this.#parts;
    let rounds = 0;
    for (let ready = core.ready(); ready; ready = core.ready()) {
      this.#process(ready);
      if (this.#stopped) return;
      if (++rounds < roundsMax) continue;
      this.#schedule();
      break;
    }
    this.#noteLeadership();
    this.#timer();
    this.#timer = clock.timer(Math.max(1, core.wakeAtMs - clock.now()), () => this.#step({ is: "tick" }));
  }

  #process(ready: Ready): void {
    if (ready.verdict) this.#judge(ready.verdict);
    // Stopped for what was found: nothing of this round is done, least of all a read answered.
    if (this.#stopped) return;
    for (const envelope of ready.send) this.#send(envelope);
    if (ready.write) this.#write(ready.write, ready.afterWrite);
    else if (ready.afterWrite.length > 0) this.#sendAfterWrite(ready.afterWrite);
    if (ready.install) this.#install(ready.install);
    if (ready.commit.length > 0) this.#apply(ready.commit);
    if (ready.snapshotWanted) this.#step({ is: "snapshot", snapshot: this.snapshot() });
    for (const context of ready.reads.served) this.#settleRead(context, "ok");
    for (const context of ready.reads.refused) this.#settleRead(context, "notLeader");
  }

  #judge({ is, index }: Verdict): void {
    if (is === "diverged") {
      const why = `a majority has another state than this node after entry ${index}`;
      return this.#fail(new DistrustedError(why));
    }
    this.#parts.logger.error(
      { evt: "DIGESTS_DIFFER", index },
      `members have different states after entry ${index}, and no majority agrees on one: nobody can tell who is right`,
    );
  }

  #send({ to, message }: Envelope): void {
    this.#parts.links.send(to, message);
  }

  #write(write: Write, afterWrite: Envelope[]): void {
    this.#lastWrite = this.#parts.store.write(write).then(
      () => {
        if (this.#stopped) return;
        for (const envelope of afterWrite) this.#send(envelope);
        this.#step({ is: "written", sequence: write.sequence });
      },
      (error: Error) => this.#fail(error),
    );
  }

  /** Nothing new to write, but what is promised rests on writes that are under way. */
  #sendAfterWrite(envelopes: Envelope[]): void {
    void this.#lastWrite.then(() => {
      if (!this.#stopped) for (const envelope of envelopes) this.#send(envelope);
    });
  }

  #apply(entries: Entry[]): void {
    const { core, clock, compaction } = this.#parts;
    for (const entry of entries) {
      this.#rows.add(entry.index, this.#applyOne(entry));
      if (entry.index % core.state.limits.digestEntries === 0) this.#flushRows({ isCheckpoint: true });
    }
    const keepAfter = compaction.due(core.state.log, entries);
    // The log is cut only before what the store has applied, and whoever belongs to the cluster is written down right behind it.
    if (keepAfter !== null || this.#rows.isFull || entries.some(({ is }) => is === "members")) this.#flushRows();
    else this.#storeRows ??= clock.timer(appliedRowsMs, () => this.#flushRows());
    if (keepAfter !== null) this.#step({ is: "compact", snapshot: this.snapshot(), keepAfter });
  }

  #applyOne(entry: Entry): StateRow[] {
    const waiting = this.#proposals.get(entry.index);
    this.#proposals.delete(entry.index);
    if (entry.is !== "data") {
      waiting?.settle({ is: "unknown" });
      if (entry.is === "members") this.#changed(entry);
      return [];
    }
    const committed = { index: entry.index, term: entry.term, data: entry.data };
    const { writes, result } = this.#parts.stateMachine.apply(committed);
    // Success is for this very entry, not for another one that took its index (RELIABILITY R-09).
    if (waiting?.term === entry.term) waiting.settle({ is: "applied", index: entry.index, result });
    else waiting?.settle({ is: "unknown" });
    this.onApplied(committed, result);
    return writes;
  }

  /** Not synced: what is lost is applied again. */
  #flushRows({ isCheckpoint = false } = {}): void {
    this.#storeRows?.();
    this.#storeRows = null;
    const rows = this.#rows.take();
    if (!rows || this.#stopped) return;
    const { index, writes } = rows;
    const tell = (digest: Buffer): void => this.#step({ is: "digest", checkpoint: { index, digest } });
    const kept = this.#parts.store.apply(index, writes, isCheckpoint ? tell : undefined);
    kept.catch((error: Error) => this.#fail(error));
  }

  #changed({ index, term }: Entry): void {
    const { cluster } = this.#parts.core.state;
    this.#noteMembers();
    this.#parts.logger.info({ evt: "MEMBERS", index, ...cluster }, "members of the cluster");
    const waiting = this.#changes.get(index);
    this.#changes.delete(index);
    waiting?.settle(waiting.term === term ? { is: "done" } : { is: "unknown" });
  }

  #noteMembers(): void {
    const { cluster } = this.#parts.core.state;
    if (cluster) this.#parts.links.reconfigure(cluster);
    this.onMembers();
  }

  #install(snapshot: Snapshot): void {
    let writes: KvWrite[];
    try {
      writes = this.#parts.stateMachine.restore(snapshot.data);
    } catch (error) {
      this.#parts.logger.error({ evt: "snapshot_refused", error }, "the leader's snapshot can't be restored");
      return this.#step({ is: "installRefused" });
    }
    this.#rows.drop();
    this.#step({ is: "installed", snapshot, writes });
    this.#parts.compaction.installed(snapshot.info.index);
    this.#noteMembers();
    this.#parts.logger.info({ evt: "snapshot_installed", index: snapshot.info.index }, "took over the leader's state");
    this.onRestored();
  }

  #settleRead(context: number, outcome: "ok" | "notLeader"): void {
    this.#reads.get(context)?.(outcome);
    this.#reads.delete(context);
  }

  #currentLeadership(): Leadership {
    const { role, term, applied } = this.#parts.core.state;
    if (role.is === "leader" && applied >= role.firstIndex && !this.#stopped) return { is: "leader", term };
    return { is: "follower", term, leader: this.#stopped ? null : leaderOf(this.#parts.core, { others: true }) };
  }

  #noteLeadership(): void {
    const { role, term } = this.#parts.core.state;
    const leads = (waiting: { term: number }): boolean =>
      role.is === "leader" && term === waiting.term && !this.#stopped;
    for (const waitingFor of [this.#proposals, this.#changes])
      for (const [index, waiting] of waitingFor) {
        if (leads(waiting)) break;
        waitingFor.delete(index);
        waiting.settle({ is: "unknown" });
      }
    const before = this.#leadership;
    const now = this.#currentLeadership();
    const same = before.is === now.is && before.term === now.term;
    if (same && (now.is === "leader" || (before.is === "follower" && before.leader === now.leader))) return;
    this.#leadership = now;
    this.#parts.logger.info({ evt: "leadership", ...now }, `${now.is} in term ${now.term}`);
    this.onLeadership(now);
  }

  #fail(error: Error): void {
    if (this.#stopped) return;
    this.#parts.logger.error({ evt: "store_failed", error }, "the store failed; this node stops");
    this.#stop();
    void this.#parts.links.close();
    this.#parts.onFailed(error);
  }

  #stop(): void {
    this.#stopped = true;
    this.#timer();
    this.#noteLeadership();
    for (const context of [...this.#reads.keys()]) this.#settleRead(context, "notLeader");
  }
}

/** Null: none is known. A leader that may not be reported yet is no leader to others. */
export function leaderOf(core: RaftCore, options: { others: boolean }): number | null {
  const { role, id } = core.state;
  if (role.is === "leader") return options.others ? null : id;
  return role.is === "follower" ? role.leader : null;
}
