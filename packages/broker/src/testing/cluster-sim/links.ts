import type { Net, Rpc } from "@odradek/kit";
import { type EventLoop, ProcessClock, processRpc } from "@odradek/kit/simulation";
import { MemoryNet, MemoryNetwork } from "@odradek/kit/testing";

/** Every link of a simulated cluster, calls and byte streams alike: what is cut for one is cut for the other. */
export class Links {
  /** Draws how long the next message takes. */
  latencyMs: () => number;
  readonly calls: MemoryNetwork;
  readonly #streams: MemoryNet;

  constructor(loop: EventLoop, latencyMs: () => number) {
    this.latencyMs = latencyMs;
    const clock = new ProcessClock(loop);
    const latency = { latencyMs: () => this.latencyMs() };
    this.calls = new MemoryNetwork(clock, latency);
    this.#streams = new MemoryNet(clock, latency);
  }

  /** The two ports of one life of a process. */
  ports(node: string, clock: ProcessClock): { rpc: Rpc; net: Net } {
    return {
      rpc: processRpc(this.calls.rpc(node), clock),
      net: this.#streams.net(node, (work) => clock.run(work)),
    };
  }

  cutOneWay(from: string, to: string): void {
    this.calls.cutOneWay(from, to);
    this.#streams.cutOneWay(from, to);
  }

  heal(one: string, other: string): void {
    this.calls.heal(one, other);
    this.#streams.heal(one, other);
  }

  crash(node: string): void {
    this.calls.crash(node);
    this.#streams.crash(node);
  }
}
