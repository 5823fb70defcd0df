import { assert } from "@odradek/kit";

import type { Message } from "../peers/messages.ts";
import { noteCheckpoint } from "./digests.ts";
import { heardVoters } from "./present.ts";
import { acknowledge, becomeProbe, becomeReplicate, newProgress, type Progress } from "./progress.ts";
import { majority, reachedByMajority } from "./quorum.ts";
import { countRound, requestRound } from "./reads.ts";
import { becomeFollower, type Leader } from "./roles.ts";
import { sendAppend, sendEntries } from "./sending.ts";
import type { RaftState } from "./state.ts";

type AppendReply = Extract<Message, { is: "appendReply" }>;

/** Time has passed: heartbeats, and reasons to step down. */
export function leaderTick(raft: RaftState): void {
  const { role } = raft;
  if (role.is !== "leader") return;
  if (raft.diskStalled() || !hearsMajority(raft, role)) return becomeFollower(raft, raft.term, null);
  if (role.transfer && raft.nowMs >= role.transfer.untilMs) role.transfer = null;
  if (raft.nowMs < role.heartbeatAtMs) return;
  role.heartbeatAtMs = raft.nowMs + raft.timing.heartbeatMs;
  for (const [to, progress] of role.followers) sendAppend(raft, to, progress);
}

/** Check-quorum (RELIABILITY R-17): a leader that a majority no longer answers is none. */
function hearsMajority(raft: RaftState, role: Leader): boolean {
  return heardVoters(raft, role).length >= majority(raft.voters.length);
}

/** Sends what waits, within the limits. Called before every `ready`, so that entries of one tick share a message. */
export function flushEntries(raft: RaftState): void {
  const { role } = raft;
  if (role.is !== "leader") return;
  if (role.roundWanted && role.confirmedRound === role.round) {
    role.roundWanted = false;
    role.round++;
    for (const [to, progress] of role.followers) sendAppend(raft, to, progress);
    countRound(raft, role);
  }
  for (const [to, progress] of role.followers) sendEntries(raft, to, progress);
}

export function onAppendReply(raft: RaftState, from: number, message: AppendReply): void {
  const { role } = raft;
  if (role.is !== "leader" || message.term !== raft.term) return;
  const progress = role.followers.get(from);
  if (!progress) return;
  progress.heardMs = raft.nowMs;
  progress.round = Math.max(progress.round, message.round);
  const isOfBefore = message.round < progress.sinceRound;
  if (!isOfBefore || message.recovering !== 0) noteStanding(raft, role, from, message.recovering);
  // It was a witness then, and says nothing of the disk of now.
  if (isOfBefore) return countRound(raft, role);
  const current = role.followers.get(from)!;
  current.space = message.space;
  noteCheckpoint(raft, role, from, message.checkpoint);
  if (message.rejected) onRejected(raft, current, message.prevIndex, message.rejected);
  else {
    assert(message.match <= raft.log.last.index, "a follower has what its leader sent");
    acknowledge(current, message.match);
    if (current.pace.is === "probe" && message.prevIndex === current.next - 1) becomeReplicate(current);
  }
  countRound(raft, role);
  advanceCommit(raft);
  continueTransfer(raft, role);
}

/** A node that says it is recovering counts for nothing until it has all that we have now, confirmed by a majority of the others. */
export function noteStanding(raft: RaftState, role: Leader, from: number, nonce: number): void {
  const progress = role.followers.get(from)!;
  if (nonce === 0) {
    progress.recovering = null;
    return;
  }
  if (progress.recovering?.nonce === nonce) return;
  const fresh = newProgress(raft.log.last.index + 1, raft.nowMs);
  const round = requestRound(role);
  fresh.sinceRound = progress.sinceRound;
  fresh.recovering = { nonce, round, lastIndex: raft.log.last.index, until: null };
  role.followers.set(from, fresh);
}

/** Only a rejection of what was asked last moves the search; delayed ones do not (RELIABILITY R-06). */
function onRejected(
  raft: RaftState,
  progress: Progress,
  prevIndex: number,
  hint: { index: number; term: number },
): void {
  if (prevIndex <= progress.match) return;
  if (progress.pace.is === "snapshot") return;
  if (progress.pace.is === "probe" && prevIndex !== progress.next - 1) return;
  // Below our base nothing is known of terms: asking there leads to a snapshot.
  const agree = hint.index < raft.log.base.index ? hint.index : raft.log.lastOfTermUpTo(hint.index, hint.term);
  becomeProbe(progress, Math.min(agree, prevIndex - 1) + 1);
}

/** Commits what a majority has on disk, but only in our own term (Raft §5.4.2, RELIABILITY R-05). We count our own disk, not our memory. */
export function advanceCommit(raft: RaftState): void {
  const { role } = raft;
  if (role.is !== "leader") return;
  const reached = reachedByMajority(
    raft.voters.map((id) => {
      const progress = role.followers.get(id);
      if (!progress) return id === raft.id ? raft.synced : 0;
      return progress.recovering ? 0 : progress.match;
    }),
  );
  if (reached <= raft.commit) return;
  if (raft.log.termAt(reached) !== raft.term) return;
  raft.commit = reached;
}

/** What every follower that answers has, or will have from the snapshot it is getting: cutting off more would begin its catching up anew. */
export function heldByFollowers(raft: RaftState): number {
  const { role, outgoing } = raft;
  let held = Infinity;
  if (role.is !== "leader") return held;
  for (const { heardMs, pace, match } of role.followers.values()) {
    if (raft.nowMs - heardMs >= raft.timing.electionMsMax) continue;
    held = Math.min(held, pace.is === "snapshot" && outgoing ? outgoing.info.index : match);
  }
  return held;
}

/** A voter that can lead in our place: whole, and heard just now. */
export function mayTakeOver(raft: RaftState, id: number, { recovering, heardMs }: Progress): boolean {
  return raft.voters.includes(id) && recovering === null && raft.nowMs - heardMs < raft.timing.electionMsMin;
}

/** Hands leadership to this voter, or to the one that is furthest; when it is not there or does not answer nothing happens. */
export function transferLeadership(raft: RaftState, wanted?: number): void {
  const { role } = raft;
  if (role.is !== "leader" || role.transfer) return;
  let best: [number, Progress] | null = null;
  for (const entry of role.followers) {
    const [id, progress] = entry;
    if (!mayTakeOver(raft, id, progress) || (wanted !== undefined && id !== wanted)) continue;
    if (!best || progress.match > best[1].match) best = entry;
  }
  if (!best) return;
  role.transfer = { to: best[0], untilMs: raft.nowMs + raft.timing.electionMsMin, asked: false };
  continueTransfer(raft, role);
}

function continueTransfer(raft: RaftState, role: Leader): void {
  const { transfer } = role;
  if (!transfer || transfer.asked || role.followers.get(transfer.to)!.match < raft.log.last.index) return;
  transfer.asked = true;
  raft.tell(transfer.to, { is: "timeoutNow", term: raft.term });
}
