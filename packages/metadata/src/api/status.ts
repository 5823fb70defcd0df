import type { WireMember, WireSession, WireStatus } from "../client/frames.ts";
import type { Consensus, ConsensusStatus } from "../raft/consensus.ts";
import type { Space } from "../store/space.ts";
import type { TreeResult } from "../tree/machine.ts";
import type { TreeState } from "../tree/state.ts";

/** How much room there is on this member's disk. */
export type Disk = {
  readonly space: Space;
  /** Infinity: it could not be told. */
  readonly freeBytes: number;
};

/** How this member sees itself; not linearizable, answered without a leader too. */
export function statusOf(
  consensus: Consensus<TreeResult>,
  state: TreeState,
  addresses: ReadonlyMap<number, string>,
  disk: Disk | null,
): WireStatus {
  const status = consensus.status();
  const { id, role, term, leader, members, ...indexes } = status;
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
    memberList: memberList(status, addresses),
    space: disk?.space ?? "ok",
    ...(disk && Number.isFinite(disk.freeBytes) && { freeBytes: disk.freeBytes }),
    ...(status.splitAt !== null && { splitAt: status.splitAt }),
  };
}

/** Where a member was added tells the log; where the founders are, our own configuration. */
export function memberList(
  { members, learners, addresses }: ConsensusStatus,
  configured: ReadonlyMap<number, string>,
): WireMember[] {
  const place = (id: number): { id: number; address: string; added: boolean } => {
    const added = addresses[id];
    return { id, address: added ?? configured.get(id) ?? "", added: added !== undefined };
  };
  return [
    ...members.map((id) => ({ ...place(id), learner: false })),
    ...learners.map((id) => ({ ...place(id), learner: true })),
  ];
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
