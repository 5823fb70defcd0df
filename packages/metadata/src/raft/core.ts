import { assert, unreachable } from "@odradek/kit";

import { admissionTick, onHello, onTermSeen, recoverTick } from "./admission.ts";
import { floorTick, rollCallTick } from "./roll-call.ts";
import { noteOwnCheckpoint, onDiverged } from "./digests.ts";
import { electAlone, electionTick, onPreVote, onPreVoteReply, onTimeoutNow } from "./election.ts";
import { onVote, onVoteReply, ownVoteDurable, peerDied } from "./election.ts";
import type { Entry } from "../store/entry.ts";
import { onAppend } from "./following.ts";
import {
  advanceCommit,
  flushEntries,
  heldByFollowers,
  leaderTick,
  onAppendReply,
  transferLeadership,
} from "./leading.ts";
import { weightOf } from "./log.ts";
import type { Message } from "../peers/messages.ts";
import { changeMembers, farewellTick, type ChangeRefusal, type MemberChange } from "./membership.ts";
import type { RaftOptions } from "./options.ts";
import { flushReads, read } from "./reads.ts";
import { roomTick } from "./room.ts";
import type { Input, Ready } from "./ready.ts";
import type { Restored, Write } from "../store/write.ts";
import { becomeFollower } from "./roles.ts";
import { flushSnapshots, installed, onSnapshot, onSnapshotReply } from "./snapshots.ts";
import { RaftState } from "./state.ts";
import { catchUpWithStall, wakeAt } from "./time.ts";

export type Submitted = { is: "accepted"; index: number; term: number } | { is: "notLeader" } | { is: "busy" };
export type SubmittedChange =
  | { is: "accepted"; index: number; term: number }
  | { is: "notLeader" }
  | { is: "refused"; why: ChangeRefusal };

/**
 * Raft without a clock, a disk or a network: inputs and the time go in, `ready` says what has to be done about them.
 * Raft §5 with pre-vote, check-quorum, read-index, chunked snapshots, leadership transfer, and members that change one at a time.
 */
export class RaftCore {
  readonly #raft: RaftState;

  constructor(options: RaftOptions, restored: Restored, nowMs: number) {
    this.#raft = new RaftState(options, restored, nowMs);
  }

  /** For status, assertions and tests: nobody but this class changes it. */
  get state(): Readonly<RaftState> {
    return this.#raft;
  }

  /** When the next tick is due at the latest. */
  get wakeAtMs(): number {
    return wakeAt(this.#raft);
  }

  step(nowMs: number, input: Input): void {
    const raft = this.#raft;
    catchUpWithStall(raft, nowMs);
    switch (input.is) {
      case "tick":
        break;
      case "message":
        this.#message(input.from, input.message);
        break;
      case "written":
        this.#written(input.sequence);
        break;
      case "read":
        read(raft, input.context);
        break;
      case "peerDied":
        peerDied(raft, input.peer);
        break;
      case "snapshot":
        raft.outgoing = input.snapshot;
        break;
      case "installed":
        installed(raft, input.snapshot, input.writes);
        break;
      case "installRefused":
        raft.installing = null;
        break;
      case "compact":
        this.#compact(input);
        break;
      case "digest":
        noteOwnCheckpoint(raft, input.checkpoint);
        break;
      case "space":
        raft.space = input.space;
        break;
      case "transfer":
        transferLeadership(raft, input.to);
        break;
      default:
        unreachable(input);
    }
    this.#tick();
    raft.checkInvariants();
  }

  /** Appends an entry when this node leads; the caller learns of its fate through `commit`. */
  propose(nowMs: number, data: Buffer): Submitted {
    const raft = this.#raft;
    assert(data.length <= raft.limits.entryBytesMax, "a proposal fits into a message (RELIABILITY R-27)");
    catchUpWithStall(raft, nowMs);
    if (raft.role.is !== "leader" || raft.role.transfer) return { is: "notLeader" };
    if (raft.log.last.index - raft.applied >= raft.limits.uncommittedEntriesMax) return { is: "busy" };
    if (raft.uncommittedBytes + data.length > raft.limits.uncommittedBytesMax) return { is: "busy" };
    const entry = raft.append({ term: raft.term, is: "data", data });
    raft.uncommittedBytes += weightOf(entry);
    return { is: "accepted", index: entry.index, term: entry.term };
  }

  /** Proposes another set of members. Like an entry of data it is done when it is committed; unlike one it is in force at once. */
  change(nowMs: number, change: MemberChange): SubmittedChange {
    catchUpWithStall(this.#raft, nowMs);
    return changeMembers(this.#raft, change);
  }

  /** What is to be done now. Null when there is nothing. */
  ready(): Ready | null {
    const raft = this.#raft;
    flushEntries(raft);
    flushSnapshots(raft);
    const write = this.#takeWrite();
    const commit = this.#takeCommitted();
    flushReads(raft);
    const ready: Ready = {
      write,
      send: raft.send.splice(0),
      afterWrite: raft.afterWrite.splice(0),
      commit,
      reads: raft.reads,
      install: raft.installing,
      snapshotWanted: raft.snapshotWanted,
      verdict: raft.verdict,
    };
    raft.verdict = null;
    raft.reads = { served: [], refused: [] };
    raft.snapshotWanted = false;
    if (write === null && raft.pending.length === 0) ready.send.push(...ready.afterWrite.splice(0));
    return isEmpty(ready) ? null : ready;
  }

  #tick(): void {
    const raft = this.#raft;
    recoverTick(raft);
    floorTick(raft);
    admissionTick(raft);
    rollCallTick(raft);
    electAlone(raft);
    electionTick(raft);
    leaderTick(raft);
    if (raft.role.is === "leader") roomTick(raft, raft.role);
    farewellTick(raft);
  }

  #message(from: number, message: Message): void {
    const raft = this.#raft;
    assert(from !== raft.id, "nobody writes to themselves");
    // A leader, or a candidate, may be one that was added by entries we do not have yet; replies count for members only.
    raft.dead.delete(from);
    if (message.is === "hello") return onHello(raft, from, message);
    onTermSeen(raft);
    const proposed = message.is === "preVote" || (message.is === "preVoteReply" && message.granted);
    if (message.term > raft.term && !proposed && message.is !== "vote" && message.is !== "append")
      becomeFollower(raft, message.term, message.is === "snapshot" ? from : null);
    switch (message.is) {
      case "preVote":
        return onPreVote(raft, from, message);
      case "preVoteReply":
        return onPreVoteReply(raft, from, message);
      case "vote":
        return onVote(raft, from, message);
      case "voteReply":
        return onVoteReply(raft, from, message);
      case "append":
        return onAppend(raft, from, message);
      case "appendReply":
        return onAppendReply(raft, from, message);
      case "snapshot":
        return onSnapshot(raft, from, message);
      case "snapshotReply":
        return onSnapshotReply(raft, from, message);
      case "timeoutNow":
        return onTimeoutNow(raft, message);
      case "diverged":
        return onDiverged(raft, message);
      default:
        return unreachable(message);
    }
  }

  /** Writes end in the order they were given out (RELIABILITY R-04). */
  #written(sequence: number): void {
    const raft = this.#raft;
    const done = raft.pending.shift();
    assert(done?.sequence === sequence, "writes end in their order");
    raft.synced = Math.max(raft.synced, done.lastIndex);
    if (done.term === raft.term) ownVoteDurable(raft);
    advanceCommit(raft);
  }

  #takeWrite(): Write | null {
    const raft = this.#raft;
    if (raft.draft === null) return null;
    const write: Write = { sequence: ++raft.sequence, ...raft.draft };
    raft.draft = null;
    raft.pending.push({
      sequence: write.sequence,
      term: raft.term,
      lastIndex: raft.log.last.index,
      sinceMs: raft.nowMs,
    });
    return write;
  }

  /** Entries are applied only when they are on our own disk too: the applied index must never be ahead of the log. */
  #takeCommitted(): Entry[] {
    const raft = this.#raft;
    const upTo = Math.min(raft.commit, raft.synced);
    if (upTo <= raft.applied || raft.installing) return [];
    const { applyEntriesMax: entriesMax, applyBytesMax: bytesMax } = raft.limits;
    const entries = raft.log.slice(raft.applied + 1, { entriesMax, bytesMax, upTo });
    for (const entry of entries) {
      raft.uncommittedBytes = Math.max(0, raft.uncommittedBytes - (entry.is === "data" ? weightOf(entry) : 0));
    }
    raft.applied += entries.length;
    assert(entries.at(-1)?.index === raft.applied, "entries are applied in order");
    if (entries.some((entry) => entry.is === "members")) {
      raft.cluster = raft.configurations.appliedAt(raft.applied);
      raft.saveHard();
    }
    return entries;
  }

  #compact({ snapshot, keepAfter }: Extract<Input, { is: "compact" }>): void {
    const raft = this.#raft;
    assert(snapshot.info.index <= raft.applied, "only applied entries are in a snapshot");
    assert(keepAfter <= snapshot.info.index, "only what is in the snapshot is compacted");
    const keep = raft.log.bytes < raft.limits.logBytesMax ? Math.min(keepAfter, heldByFollowers(raft)) : keepAfter;
    raft.log.compactTo(Math.max(keep, raft.log.base.index));
    raft.writing().compact = { snapshot, base: raft.log.base };
  }
}

function isEmpty(ready: Ready): boolean {
  return (
    ready.write === null &&
    ready.send.length + ready.afterWrite.length + ready.commit.length === 0 &&
    ready.reads.served.length + ready.reads.refused.length === 0 &&
    ready.install === null &&
    ready.verdict === null &&
    !ready.snapshotWanted
  );
}
