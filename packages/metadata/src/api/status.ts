import type { WireSession, WireStatus } from "../client/frames.ts";
import type { Consensus } from "../raft/consensus.ts";
import type { TreeResult } from "../tree/machine.ts";
import type { TreeState } from "../tree/state.ts";

/** How this member sees itself; not linearizable, answered without a leader too. */
export function statusOf(consensus: Consensus<TreeResult>, state: TreeState): WireStatus {
  const { id, role, term, leader, members, ...indexes } = consensus.status();
  const { commitIndex, appliedIndex, lastIndex, snapshotIndex } = indexes;
  return {
    id,
    role,
    term,
    leader: leader ?? 0,
    members,
    commitIndex,
    appliedIndex,
    lastIndex,
    snapshotIndex,
    revision: state.revision,
    oldestRevision: state.history.oldest,
    sessions: state.sessions.size,
    nodes: state.size,
  };
}

export function sessionsOf(state: TreeState, isAttached: (id: string) => boolean): WireSession[] {
  return [...state.sessions.values()].map(({ id, name, timeoutMs, owned }) => ({
    id,
    name,
    timeoutMs,
    ephemeralNodes: owned.size,
    attached: isAttached(id),
  }));
}
