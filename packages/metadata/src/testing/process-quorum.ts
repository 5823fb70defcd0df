import { silentLogger, SystemClock, SystemRandom } from "@odradek/kit";
import { eventually } from "@odradek/kit/testing";
import { grpcRpc } from "@odradek/rpc";
import { onTestFinished } from "vitest";
import { memberStatus, openSession } from "../client/index.ts";
import type { MemberStatus, Past, Session } from "../client/types.ts";
import { MetadataProcesses, type NodeOptions } from "./processes.ts";

export const rpc = grpcRpc();

/** A quorum of real processes, and what a test asks of it; both go with the test. */
export class ProcessQuorum {
  readonly nodes: MetadataProcesses;

  private constructor(nodes: MetadataProcesses) {
    this.nodes = nodes;
    onTestFinished(() => nodes.stop());
  }

  static async start(count: number, options: NodeOptions = {}): Promise<ProcessQuorum> {
    const quorum = await ProcessQuorum.plan(count, options);
    await Promise.all(quorum.ids.map((id) => quorum.nodes.startNode(id)));
    return quorum;
  }

  /** Its places, but nobody runs yet. */
  static async plan(count: number, options: NodeOptions = {}): Promise<ProcessQuorum> {
    return new ProcessQuorum(await MetadataProcesses.plan(count, options));
  }

  /** Of all that were ever started, founders first. */
  get ids(): number[] {
    return [...this.nodes.members.keys(), ...this.nodes.joined.keys()];
  }

  /** A client that is told of the founders. */
  async session(name = ""): Promise<Session & Past> {
    const ports = { rpc, clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
    const session = await openSession({ members: this.nodes.members, ...ports, connectTimeoutMs: 30_000, name });
    onTestFinished(() => session.close());
    return session;
  }

  /** Null: it does not answer. */
  status(id: number): Promise<MemberStatus | null> {
    return memberStatus({ address: this.nodes.address(id), rpc, timeoutMs: 1_000 }).catch(() => null);
  }

  /** Whoever says so of itself, leaving `but` out; where two do, the one who became a member last. */
  leader(but?: number): Promise<MemberStatus> {
    return eventually("one leads", async () => {
      const asked = await Promise.all(this.ids.filter((id) => id !== but).map((id) => this.status(id)));
      return asked.findLast((status) => status?.role === "leader");
    });
  }

  /** The node follows and has all that its leader has. */
  async follows(id: number): Promise<void> {
    await eventually(`${id} follows`, async () => {
      const [own, leader] = [await this.status(id), await this.leader()];
      return own?.role === "follower" && own.revision === leader.revision;
    });
  }
}
