import { assert } from "@odradek/kit";

import type { RaftState } from "./state.ts";

/** Ticks come at least this often, in heartbeats. */
const gapHeartbeats = 3;

/**
 * Time counts only while our own loop ran (DESIGN D3): after a pause every deadline moves by its length, so that
 * waking up neither deposes a leader nor starts an election before the messages that waited have been read.
 */
export function catchUpWithStall(raft: RaftState, nowMs: number): void {
  assert(nowMs >= raft.nowMs, "time does not go back");
  const stallMs = nowMs - raft.nowMs - raft.timing.heartbeatMs;
  raft.nowMs = nowMs;
  if (stallMs < (gapHeartbeats - 1) * raft.timing.heartbeatMs) return;
  const { role } = raft;
  for (const pending of raft.pending) pending.sinceMs += stallMs;
  if (raft.rollCall) {
    raft.rollCall.untilMs += stallMs;
    for (const testimony of raft.rollCall.heard.values()) testimony.atMs += stallMs;
  }
  if (role.is === "leader") {
    for (const progress of role.followers.values()) progress.heardMs += stallMs;
    if (role.transfer) role.transfer.untilMs += stallMs;
  } else {
    role.electionAtMs += stallMs;
    if (role.is === "follower") role.heardMs += stallMs;
  }
}

/** The earliest point at which time alone may change something. */
export function wakeAt(raft: RaftState): number {
  const { role } = raft;
  const soonest = raft.nowMs + raft.timing.heartbeatMs;
  if (role.is === "leader") return Math.min(soonest, role.heartbeatAtMs);
  return Math.min(soonest, Math.max(raft.nowMs, role.electionAtMs));
}
