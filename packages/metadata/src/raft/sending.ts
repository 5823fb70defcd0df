import { assert } from "@odradek/kit";

import { weightOf } from "./log.ts";
import type { Message } from "../peers/messages.ts";
import type { Progress } from "./progress.ts";
import type { RaftState } from "./state.ts";

/** New entries for a follower that keeps up; several messages may be on their way. A follower behind our base gets a snapshot. */
export function sendEntries(raft: RaftState, to: number, progress: Progress): void {
  if (progress.pace.is === "snapshot") return;
  if (progress.next <= raft.log.base.index) return beginSnapshot(raft, progress);
  if (progress.pace.is === "probe") {
    if (!progress.pace.asked) sendAppend(raft, to, progress);
    return;
  }
  const { pace } = progress;
  const { limits } = raft;
  while (
    progress.next <= raft.log.last.index &&
    pace.inFlight.length < limits.inFlightMessagesMax &&
    pace.inFlightBytes < limits.inFlightBytesMax
  ) {
    const entries = raft.log.slice(progress.next, {
      entriesMax: limits.appendEntriesMax,
      bytesMax: limits.appendBytesMax,
    });
    raft.tell(to, appendMessage(raft, progress, progress.next - 1, entries));
    const bytes = entries.reduce((sum, entry) => sum + weightOf(entry), 0);
    progress.next += entries.length;
    pace.inFlight.push({ last: progress.next - 1, bytes });
    pace.inFlightBytes += bytes;
  }
}

/** An append without entries: heartbeat, probe, read round, and news of the commit index. */
export function sendAppend(raft: RaftState, to: number, progress: Progress): void {
  if (progress.pace.is !== "snapshot" && progress.next <= raft.log.base.index) beginSnapshot(raft, progress);
  if (progress.pace.is === "probe") progress.pace.asked = true;
  // Whoever gets a snapshot is only asked about what it surely has.
  const prevIndex = progress.pace.is === "snapshot" ? 0 : progress.next - 1;
  raft.tell(to, appendMessage(raft, progress, prevIndex, []));
}

function appendMessage(
  raft: RaftState,
  progress: Progress,
  prevIndex: number,
  entries: Extract<Message, { is: "append" }>["entries"],
): Message {
  const { role } = raft;
  assert(role.is === "leader", "only a leader appends");
  const prevTerm = prevIndex === 0 ? 0 : raft.log.termAt(prevIndex);
  assert(prevTerm !== null, "the term before is read from the log (RELIABILITY R-10)");
  const { recovering } = progress;
  const recover = recovering && recovering.until !== null ? { nonce: recovering.nonce, until: recovering.until } : null;
  return {
    is: "append",
    term: raft.term,
    prevIndex,
    prevTerm,
    commit: raft.commit,
    round: role.round,
    entries,
    recover,
  };
}

function beginSnapshot(raft: RaftState, progress: Progress): void {
  const { snapshotRetryMs: retryMs } = raft.timing;
  progress.pace = { is: "snapshot", index: 0, offset: 0, sentMs: -Infinity, retryMs, retried: false };
}
