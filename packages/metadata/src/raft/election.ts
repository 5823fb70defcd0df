import { assert } from "@odradek/kit";

import type { Message } from "../peers/messages.ts";
import { isBefore } from "../store/write.ts";
import { voteOutcome } from "./quorum.ts";
import { isLateEnough } from "./roll-call.ts";
import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate } from "./roles.ts";
import type { RaftState } from "./state.ts";

type Of<Is extends Message["is"]> = Extract<Message, { is: Is }>;

/** Time has passed: stand for election when nothing was heard of a leader for too long. */
export function electionTick(raft: RaftState): void {
  const { role } = raft;
  if (role.is === "leader" || raft.nowMs < role.electionAtMs) return;
  if (!mayStand(raft)) {
    // Its leader is silent, and it must wait for another: it says so, or clients would be sent to one that is gone.
    if (role.is === "follower")
      Object.assign(role, { leader: null, heardMs: -Infinity, electionAtMs: raft.electionAt() });
    else becomeFollower(raft, raft.term, null);
    return;
  }
  preCampaign(raft);
}

/** A node alone needs no timeout: nobody else can lead. */
export function electAlone(raft: RaftState): void {
  if (raft.voters.length === 1 && raft.isVoter && raft.role.is === "follower" && mayStand(raft))
    campaign(raft, { transfer: false });
}

/** The connection to `peer` was refused: its process is gone. If it led, its silence need not be waited for (DESIGN D2). */
export function peerDied(raft: RaftState, peer: number): void {
  raft.dead.add(peer);
  const { role } = raft;
  if (role.is === "preCandidate") return countPreVotes(raft);
  if (role.is === "candidate") return countVotes(raft);
  if (role.is !== "follower" || role.leader !== peer) return;
  becomeFollower(raft, raft.term, null);
  assert(raft.role.is === "follower", "still a follower");
  raft.role.electionAtMs = raft.nowMs + raft.random.next() * raft.timing.deathHintMs;
}

function mayStand(raft: RaftState): boolean {
  if (!raft.mayLead || raft.standing !== "voter" || raft.installing !== null || raft.diskStalled()) return false;
  if (!isLateEnough(raft, raft.log.last)) return false;
  // Nobody may begin the first term before all have been admitted: see admission.ts.
  return raft.term > 0 || raft.others.every((id) => raft.peers.get(id)?.standing === "voter");
}

function preCampaign(raft: RaftState): void {
  becomePreCandidate(raft);
  const { index: lastIndex, term: lastTerm } = raft.log.last;
  for (const to of raft.others) raft.tell(to, { is: "preVote", term: raft.term + 1, lastIndex, lastTerm });
  countPreVotes(raft);
}

function campaign(raft: RaftState, options: { transfer: boolean }): void {
  becomeCandidate(raft, options);
  const { index: lastIndex, term: lastTerm } = raft.log.last;
  const { transfer } = options;
  for (const to of raft.others) raft.tellDurable(to, { is: "vote", term: raft.term, lastIndex, lastTerm, transfer });
}

/** Our own vote is on stable storage and counts from now on. */
export function ownVoteDurable(raft: RaftState): void {
  if (raft.role.is !== "candidate") return;
  raft.role.votes.set(raft.id, true);
  countVotes(raft);
}

export function onPreVote(raft: RaftState, from: number, message: Of<"preVote">): void {
  const granted = message.term > raft.term && mayGrant(raft, message) && !sticksToLeader(raft);
  raft.tell(from, { is: "preVoteReply", term: granted ? message.term : raft.term, granted });
}

export function onPreVoteReply(raft: RaftState, from: number, message: Of<"preVoteReply">): void {
  if (raft.role.is !== "preCandidate") return;
  if (message.granted && message.term !== raft.term + 1) return;
  raft.role.votes.set(from, message.granted);
  countPreVotes(raft);
}

/** The vote leaves once it is durable; one per term (RELIABILITY R-01). */
export function onVote(raft: RaftState, from: number, message: Of<"vote">): void {
  if (message.term > raft.term && sticksToLeader(raft) && !message.transfer) return refuse(raft, from);
  if (message.term > raft.term) becomeFollower(raft, message.term, null);
  const free = raft.vote === null || raft.vote === from;
  if (message.term < raft.term || !free || !mayGrant(raft, message) || raft.role.is === "leader")
    return refuse(raft, from);
  assert(raft.role.is !== "candidate", "a candidate voted for itself");
  if (raft.role.is === "preCandidate") becomeFollower(raft, raft.term, null);
  if (raft.vote === null) {
    raft.vote = from;
    raft.saveHard();
  }
  if (raft.role.is === "follower") raft.role.electionAtMs = raft.electionAt();
  raft.tellDurable(from, { is: "voteReply", term: raft.term, granted: true });
}

export function onVoteReply(raft: RaftState, from: number, message: Of<"voteReply">): void {
  if (raft.role.is !== "candidate" || message.term !== raft.term) return;
  raft.role.votes.set(from, message.granted);
  countVotes(raft);
}

/** The leader hands over: stand at once, without pre-vote. */
export function onTimeoutNow(raft: RaftState, message: Of<"timeoutNow">): void {
  if (message.term !== raft.term || raft.role.is === "leader" || !mayStand(raft)) return;
  campaign(raft, { transfer: true });
}

function refuse(raft: RaftState, to: number): void {
  raft.tell(to, { is: "voteReply", term: raft.term, granted: false });
}

function countPreVotes(raft: RaftState): void {
  if (raft.role.is !== "preCandidate") return;
  const outcome = voteOutcome(raft.role.votes, { voters: raft.voters, dead: raft.dead });
  if (outcome === "won") campaign(raft, { transfer: false });
  else if (outcome === "lost") stepBack(raft);
}

function countVotes(raft: RaftState): void {
  if (raft.role.is !== "candidate") return;
  const outcome = voteOutcome(raft.role.votes, { voters: raft.voters, dead: raft.dead });
  if (outcome === "won") becomeLeader(raft);
  else if (outcome === "lost") stepBack(raft);
}

/** Lost: wait again. While a peer is known to be dead, a split vote is tried again soon, one after the other in the order of ids. */
function stepBack(raft: RaftState): void {
  becomeFollower(raft, raft.term, null);
  assert(raft.role.is === "follower", "stepping back makes a follower");
  if (raft.dead.size === 0) return;
  const place = raft.voters.filter((id) => id < raft.id && !raft.dead.has(id)).length;
  raft.role.electionAtMs = raft.nowMs + (2 * place + 1 + raft.random.next()) * raft.timing.deathHintMs;
}

/** Raft §5.4.1: only a log at least as new as ours may win. Learners answer too: one may be a voter and not know it yet (RELIABILITY R-16). */
function mayGrant(raft: RaftState, candidate: { lastIndex: number; lastTerm: number }): boolean {
  if (raft.standing !== "voter") return false;
  const log = { term: candidate.lastTerm, index: candidate.lastIndex };
  return !isBefore(log, raft.log.last) && isLateEnough(raft, log);
}

/** Whoever hears a leader, or is one, lets nobody else stand (RELIABILITY R-17). */
function sticksToLeader(raft: RaftState): boolean {
  if (raft.role.is === "leader") return true;
  return raft.role.is === "follower" && raft.nowMs - raft.role.heardMs < raft.timing.electionMsMin;
}
