import type { RpcServer } from "@odradek/kit";
import { metadataService, type WireAdministered, type WireChange, type WireMember } from "../client/frames.ts";
import { natural } from "../client/wire.ts";
import { checkAddress } from "../config.ts";
import { limits } from "../limits.ts";
import type { Consensus, Proposed } from "../raft/consensus.ts";
import type { MemberChange } from "../raft/membership.ts";
import type { Command } from "../tree/commands.ts";
import type { TreeResult, TreeStateMachine } from "../tree/machine.ts";

type Parts = {
  consensus: Consensus<TreeResult>;
  machine: TreeStateMachine;
  /** Of the quorum, as far as this member knows. */
  members: () => readonly WireMember[];
  propose: (command: Command) => Promise<Proposed<TreeResult>>;
};

const done: WireAdministered = { outcome: "done", leader: 0, why: "" };
const refused = (why: string): WireAdministered => ({ ...done, outcome: "refused", why });
const notLeader = (leader: number | null): WireAdministered => ({ ...done, outcome: "notLeader", leader: leader ?? 0 });
const unknown: WireAdministered = { ...done, outcome: "unknown" };

/** Care of the quorum for a person at a terminal: members, leadership, history. Only the leader can. */
export function registerAdministration(server: RpcServer, { consensus, machine, members, propose }: Parts): void {
  server.handle(metadataService.ChangeMembers, async (request) => {
    const change = checkedChange(request);
    if (change === null) return refused("BAD_REQUEST");
    if (consensus.leadership.is === "leader" && isTaken(change, members())) return refused("ADDRESS_TAKEN");
    const changed = await consensus.change(change);
    if (changed.is === "refused") return refused(changed.why);
    if (changed.is === "notLeader") return notLeader(changed.leader);
    return changed.is === "done" ? done : unknown;
  });
  server.handle(metadataService.Transfer, async ({ to }) => {
    const transferred = await consensus.transfer(to === 0 ? undefined : to);
    if (transferred.is === "notLeader") return notLeader(transferred.leader);
    return transferred.is === "done" ? done : refused("NOT_TAKEN");
  });
  server.handle(metadataService.Compact, async ({ through: wanted }) => {
    const { revision } = machine.state;
    const through = wanted === undefined ? revision : natural(wanted);
    if (through > revision) return refused("FUTURE_REVISION");
    const proposed = await propose({ is: "compact", through });
    if (proposed.is === "notLeader") return notLeader(proposed.leader);
    if (proposed.is === "busy") return refused("BUSY");
    return proposed.is === "applied" ? done : unknown;
  });
}

/** One process is one member: another id at its address would never answer, and count when majorities are. */
function isTaken(change: MemberChange, members: readonly WireMember[]): boolean {
  if (change.is !== "add") return false;
  const wanted = change.address.toLowerCase();
  return members.some(({ id, address }) => id !== change.id && address.toLowerCase() === wanted);
}

/** Null: nothing that a client of ours sends. */
function checkedChange({ change, id, address }: WireChange): MemberChange | null {
  if (!Number.isSafeInteger(id) || id < 1 || id > limits.memberIdMax) return null;
  if (change === "promote" || change === "remove") return { is: change, id };
  if (change !== "add" || Buffer.byteLength(address) > limits.addressBytesMax) return null;
  try {
    return { is: "add", id, address: checkAddress(address, "address") };
  } catch {
    return null;
  }
}
