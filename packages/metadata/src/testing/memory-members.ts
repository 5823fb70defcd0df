import type { Clock, Logger, Random, Rpc, RpcServer } from "@odradek/kit";
import type { HistoryLimits } from "../config.ts";
import { MetadataService } from "../api/service.ts";
import type { TreeResult } from "../tree/machine.ts";
import { TreeStateMachine } from "../tree/machine.ts";
import type { MemoryConsensus } from "./memory-quorum.ts";
import { MemoryQuorum } from "./memory-quorum.ts";

export type MemoryMember = {
  id: number;
  address: string;
  machine: TreeStateMachine;
  consensus: MemoryConsensus<TreeResult>;
  service: MetadataService;
  server: RpcServer;
};

type Ports = {
  clock: Clock;
  random: Random;
  logger: Logger;
  rpc: (id: number) => Rpc;
  address: (id: number) => string;
  history?: HistoryLimits;
};

/** Members that serve clients over any Rpc and agree through a MemoryQuorum; nobody leads until the test says so. */
export class MemoryMembers {
  readonly quorum: MemoryQuorum<TreeResult>;
  readonly members = new Map<number, MemoryMember>();
  readonly #ports: Ports;

  constructor(ports: Ports) {
    this.#ports = ports;
    this.quorum = new MemoryQuorum(ports.clock);
  }

  /** Starts a member with an empty state, which the quorum's log then fills. */
  async start(id: number): Promise<MemoryMember> {
    const { clock, random, logger, history } = this.#ports;
    const machine = new TreeStateMachine();
    const consensus = this.quorum.join(id, machine);
    const rpc = this.#ports.rpc(id);
    const service = new MetadataService({ consensus, machine, clock, random, rpc, logger, history });
    const server = rpc.server();
    service.register(server);
    const wanted = this.#ports.address(id);
    const port = await server.listen(wanted);
    const address = `${wanted.slice(0, wanted.lastIndexOf(":"))}:${port}`;
    const member = { id, address, machine, consensus, service, server };
    this.members.set(id, member);
    return member;
  }

  /** The member is gone without a word; it no longer votes or serves. */
  async stop(id: number): Promise<void> {
    const member = this.members.get(id)!;
    this.members.delete(id);
    await member.consensus.close();
    member.service.close();
    await member.server.close();
  }

  get addresses(): Map<number, string> {
    return new Map([...this.members.values()].map(({ id, address }) => [id, address]));
  }
}
