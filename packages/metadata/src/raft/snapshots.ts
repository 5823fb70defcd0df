import { assert, type KvWrite } from "@odradek/kit";

import { recoveringNonce } from "./admission.ts";
import { noteStanding } from "./leading.ts";
import type { Message } from "../peers/messages.ts";
import type { Snapshot } from "../store/write.ts";
import { becomeProbe, type Progress } from "./progress.ts";
import { digestOf } from "../store/write.ts";
import { becomeFollower } from "./roles.ts";
import type { RaftState } from "./state.ts";

type Of<Is extends Message["is"]> = Extract<Message, { is: Is }>;

/**
 * Leader: sends the next chunk to everyone who waits for one; one at a time, repeated when no answer comes. A snapshot is made and
 * kept only while someone who needs it answers, and made anew when the log no longer reaches back to it.
 */
export function flushSnapshots(raft: RaftState): void {
  const { role } = raft;
  if (role.is !== "leader") return;
  if (raft.outgoing && raft.outgoing.info.index < raft.log.base.index) raft.outgoing = null;
  const { outgoing } = raft;
  let waiting = false;
  for (const [to, { pace, heardMs, space }] of role.followers) {
    if (pace.is !== "snapshot" || raft.nowMs - heardMs >= raft.timing.electionMsMax || space === "full") continue;
    waiting = true;
    if (outgoing) sendChunk(raft, to, pace, outgoing);
  }
  if (!waiting) raft.outgoing = null;
  raft.snapshotWanted = waiting && outgoing === null;
}

function sendChunk(
  raft: RaftState,
  to: number,
  pace: Extract<Progress["pace"], { is: "snapshot" }>,
  { info, data }: Snapshot,
): void {
  if (raft.nowMs - pace.sentMs < pace.retryMs) return;
  if (pace.index !== info.index) Object.assign(pace, { index: info.index, offset: 0 });
  const { offset } = pace;
  pace.retried ||= pace.sentMs > -Infinity;
  pace.sentMs = raft.nowMs;
  const chunk = data.subarray(offset, offset + raft.limits.snapshotChunkBytes);
  raft.tell(to, { is: "snapshot", term: raft.term, info, offset, data: chunk });
}

export function onSnapshotReply(raft: RaftState, from: number, message: Of<"snapshotReply">): void {
  const { role } = raft;
  if (role.is !== "leader" || message.term !== raft.term) return;
  const before = role.followers.get(from);
  if (!before) return;
  before.heardMs = raft.nowMs;
  noteStanding(raft, role, from, message.recovering);
  const progress = role.followers.get(from)!;
  if (message.installed) {
    // Where to go on; what it has, its next answer to an append says: this one may be from a process before.
    if (progress.pace.is === "snapshot") becomeProbe(progress, Math.min(message.index, raft.log.last.index) + 1);
    return;
  }
  const { pace } = progress;
  if (pace.is !== "snapshot" || pace.index !== message.index || message.received === pace.offset) return;
  // Forward at once. Back only after a retry: late answers would make us repeat, and be repeated in turn.
  if (message.received < pace.offset && !pace.retried) return;
  Object.assign(pace, { offset: message.received, sentMs: -Infinity, retried: false });
}

/** Follower: gathers chunks; nothing of them touches the log before the last has arrived and the digest is right (RELIABILITY R-11). */
export function onSnapshot(raft: RaftState, from: number, message: Of<"snapshot">): void {
  if (message.term < raft.term) return answer(raft, from, { index: message.info.index, received: 0, installed: false });
  becomeFollower(raft, message.term, from);
  const { info } = message;
  if (info.index <= raft.commit) return answer(raft, from, { index: raft.commit, received: 0, installed: true });
  if (raft.installing || raft.space === "full") return;
  const incoming = incomingFor(raft, message);
  if (message.offset === incoming.received) {
    incoming.chunks.push(message.data);
    incoming.received += message.data.length;
  }
  if (incoming.received < info.bytes)
    return answer(raft, from, { index: info.index, received: incoming.received, installed: false });
  raft.incoming = null;
  const data = Buffer.concat(incoming.chunks);
  if (data.length !== info.bytes || !digestOf(data).equals(info.digest))
    return answer(raft, from, { index: info.index, received: 0, installed: false });
  raft.installing = { info, data };
}

function incomingFor(raft: RaftState, { info }: Of<"snapshot">): NonNullable<RaftState["incoming"]> {
  const same =
    raft.incoming && raft.incoming.info.index === info.index && raft.incoming.info.digest.equals(info.digest);
  if (!same) raft.incoming = { info, chunks: [], received: 0 };
  assert(raft.incoming, "a snapshot is coming in");
  return raft.incoming;
}

/** The driver has restored the snapshot: log and state begin behind it. */
export function installed(raft: RaftState, snapshot: Snapshot, writes: KvWrite[]): void {
  const { info } = snapshot;
  assert(raft.installing?.info.index === info.index, "what was restored is what arrived");
  assert(info.index > raft.commit, "a snapshot goes forward");
  raft.installing = null;
  raft.log.reset({ index: info.index, term: info.term, hash: info.hash });
  // Beyond the old commit index the old log may have been another one.
  raft.synced = Math.min(raft.synced, raft.commit);
  for (const pending of raft.pending) pending.lastIndex = Math.min(pending.lastIndex, raft.commit);
  raft.commit = info.index;
  raft.applied = info.index;
  raft.cluster = info.cluster;
  raft.configurations.installed(info.index, info.cluster);
  raft.saveHard();
  Object.assign(raft.writing(), { install: { snapshot, writes }, truncateTo: null, entries: [] });
  if (raft.role.is !== "follower") return;
  raft.role.matched = Math.max(raft.role.matched, info.index);
  if (raft.role.leader !== null)
    answer(raft, raft.role.leader, { index: info.index, received: info.bytes, installed: true }, { durable: true });
}

function answer(
  raft: RaftState,
  to: number,
  state: { index: number; received: number; installed: boolean },
  options: { durable: boolean } = { durable: state.installed },
): void {
  const reply: Message = { is: "snapshotReply", term: raft.term, ...state, recovering: recoveringNonce(raft) };
  if (options.durable) raft.tellDurable(to, reply);
  else raft.tell(to, reply);
}
