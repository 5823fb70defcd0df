import { assert } from "@odradek/kit";

import { noteRecovery, recoveringNonce } from "./admission.ts";
import type { Message } from "../peers/messages.ts";
import { becomeFollower } from "./roles.ts";
import type { RaftState } from "./state.ts";

type Append = Extract<Message, { is: "append" }>;

/** A leader's entries, or just its heartbeat. */
export function onAppend(raft: RaftState, from: number, message: Append): void {
  if (message.term < raft.term) return refuseOldLeader(raft, from, message);
  becomeFollower(raft, message.term, from);
  // A whole snapshot is being restored: what comes meanwhile comes again (RELIABILITY R-11).
  if (raft.installing) return;
  noteRecovery(raft, message.recover);
  if (message.prevIndex < raft.commit) {
    // Older than what is committed here: that much is surely equal (RELIABILITY R-06).
    return accept(raft, from, message, raft.commit);
  }
  if (raft.log.termAt(message.prevIndex) !== message.prevTerm) return reject(raft, from, message);
  take(raft, message);
  const last = message.prevIndex + message.entries.length;
  // Only what this message vouches for (RELIABILITY R-08).
  raft.commit = Math.max(raft.commit, Math.min(message.commit, last));
  accept(raft, from, message, last);
}

/** Appends what is missing; what is there already stays, a delayed message is no reason to truncate (RELIABILITY R-06). */
function take(raft: RaftState, message: Append): void {
  let index = message.prevIndex;
  for (const entry of message.entries) {
    index++;
    const present = raft.log.termAt(index);
    if (present === entry.term) continue;
    if (present !== null) raft.truncateFrom(index);
    assert(index === raft.log.last.index + 1, "appending continues the log");
    raft.append(entry);
  }
}

/** Says how far the logs are equal. What is new counts once it is durable; a heartbeat is answered at once, disk or not. */
function accept(raft: RaftState, from: number, message: Append, matched: number): void {
  assert(raft.role.is === "follower", "appends are for followers");
  raft.role.matched = Math.max(raft.role.matched, matched);
  const reply: Message = {
    is: "appendReply",
    term: raft.term,
    round: message.round,
    prevIndex: message.prevIndex,
    rejected: null,
    match: matched,
    recovering: recoveringNonce(raft),
    space: raft.space,
    checkpoint: raft.checkpoints.newest,
  };
  if (matched <= raft.synced) raft.tell(from, reply);
  else if (message.entries.length === 0) raft.tell(from, { ...reply, match: Math.min(matched, raft.synced) });
  else raft.tellDurable(from, reply);
}

/** The entry before does not fit: say where the logs may agree, skipping whole terms (Raft §5.3). */
function reject(raft: RaftState, from: number, message: Append): void {
  const most = Math.min(message.prevIndex - 1, raft.log.last.index);
  const index = Math.max(raft.log.lastOfTermUpTo(most, message.prevTerm), raft.commit);
  const term = raft.log.termAt(index);
  assert(term !== null, "the hint is in the log");
  raft.tell(from, {
    is: "appendReply",
    term: raft.term,
    round: message.round,
    prevIndex: message.prevIndex,
    rejected: { index, term },
    match: 0,
    recovering: recoveringNonce(raft),
    space: raft.space,
    checkpoint: raft.checkpoints.newest,
  });
}

function refuseOldLeader(raft: RaftState, from: number, message: Append): void {
  raft.tell(from, {
    is: "appendReply",
    term: raft.term,
    round: 0,
    prevIndex: message.prevIndex,
    rejected: { index: 0, term: 0 },
    match: 0,
    recovering: recoveringNonce(raft),
    space: raft.space,
    checkpoint: raft.checkpoints.newest,
  });
}
