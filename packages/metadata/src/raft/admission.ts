import { assert } from "@odradek/kit";

import type { Message } from "../peers/messages.ts";
import { onTestimony, sayHello } from "./roll-call.ts";
import type { RaftState } from "./state.ts";

/*
 * Who may vote. A cluster begins when every member, each with an empty disk, has seen that all others are in term 0, where no vote was
 * ever given; the first campaign waits until all have said so. From then on an empty disk is a lost one: its node
 * recovers, as one with a hole does, and grants no vote until it has everything that the leader had when they met, or all other voters
 * have said how far they are (roll-call.ts). A node that joins a cluster comes the same way, and is admitted by nobody but a leader.
 */

type Hello = Extract<Message, { is: "hello" }>;

/** Nodes that are not settled yet introduce themselves until they are. */
export function admissionTick(raft: RaftState): void {
  if (raft.standing === "empty" && raft.others.length === 0 && !raft.joining) admit(raft);
  const settled = raft.standing === "recovering" || raft.term > 0;
  if (settled || raft.nowMs < raft.helloAtMs) return;
  raft.helloAtMs = raft.nowMs + raft.timing.heartbeatMs;
  for (const to of raft.others) sayHello(raft, to, { asks: raft.nonce || 1, answers: 0 });
}

export function onHello(raft: RaftState, from: number, hello: Hello): void {
  raft.peers.set(from, { standing: hello.standing, term: hello.term });
  if (raft.standing === "empty") decide(raft);
  onTestimony(raft, from, hello);
  if (hello.asks !== 0) sayHello(raft, from, { asks: 0, answers: hello.asks });
}

/** An empty node that hears from a term is late: there is a cluster. */
export function onTermSeen(raft: RaftState): void {
  if (raft.standing === "empty") raft.becomeRecovering();
}

function decide(raft: RaftState): void {
  const peers = raft.others.map((id) => raft.peers.get(id));
  if (peers.some((peer) => peer && (peer.term > 0 || peer.standing === "recovering"))) raft.becomeRecovering();
  else if (!raft.joining && peers.every((peer) => peer !== undefined)) admit(raft);
}

function admit(raft: RaftState): void {
  assert(raft.term === 0, "a cluster begins in term 0");
  assert(raft.log.last.index === 0, "a cluster begins with an empty log");
  raft.standing = "voter";
  raft.saveHard();
  raft.helloAtMs = raft.nowMs;
}

/** What a node puts into its replies so that the leader does not count it. */
export const recoveringNonce = (raft: RaftState): number => (raft.standing === "recovering" ? raft.nonce : 0);

/** The leader said how far we must come. */
export function noteRecovery(raft: RaftState, recover: { nonce: number; until: number } | null): void {
  if (recover && raft.standing === "recovering" && recover.nonce === raft.nonce)
    raft.recoverUntil = { term: raft.term, index: recover.until };
}

/** Whole again once everything up to there is equal to the leader's log and durable. */
export function recoverTick(raft: RaftState): void {
  const until = raft.recoverUntil;
  if (raft.standing !== "recovering" || until === null || raft.role.is !== "follower") return;
  if (until.term !== raft.term || raft.role.matched < until.index || raft.synced < until.index) return;
  raft.standing = "voter";
  raft.recoverUntil = null;
  raft.floor = null;
  raft.rollCall = null;
  raft.saveHard();
}
