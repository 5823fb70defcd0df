import type { Logger } from "@odradek/kit";
import { silentLogger } from "@odradek/kit";
import { MemoryNetwork, SeededRandom, VirtualClock } from "@odradek/kit/testing";
import type { HistoryLimits } from "../config.ts";
import type { Past, Session, SessionOptions, Watch, WatchEvent } from "../client/types.ts";
import { openSession } from "../client/session.ts";
import { MemoryMembers } from "./memory-members.ts";

/** Members and clients on a simulated network under virtual time; the same seed gives the same run. */
export class World {
  readonly clock = new VirtualClock();
  readonly random: SeededRandom;
  readonly network: MemoryNetwork;
  readonly quorum: MemoryMembers;
  logger: Logger = silentLogger;
  readonly #hosts = new Map<number, string>();

  constructor(seed = 1, history?: HistoryLimits) {
    this.random = new SeededRandom(seed);
    this.network = new MemoryNetwork(this.clock, { latencyMs: 1 });
    this.quorum = new MemoryMembers({
      clock: this.clock,
      random: this.random,
      logger: silentLogger,
      rpc: (id) => this.network.rpc(this.#host(id)),
      address: (id) => `${this.#host(id)}:2181`,
      ...(history && { history }),
    });
  }

  /** Three members, the first leads. */
  static async ofThree(seed = 1, history?: HistoryLimits): Promise<World> {
    const world = new World(seed, history);
    await world.start();
    return world;
  }

  /** Starts the three members and lets the first lead. */
  async start(): Promise<void> {
    for (const id of [1, 2, 3]) await this.quorum.start(id);
    this.quorum.quorum.elect(1);
    await this.clock.advance(10);
  }

  /** The member's process is gone at once, its streams break. */
  async kill(id: number): Promise<void> {
    if (this.quorum.quorum.leader === id) this.quorum.quorum.elect(null);
    const { consensus } = this.quorum.members.get(id)!;
    consensus.isIsolated = true;
    this.network.crash(this.#host(id));
    this.quorum.members.delete(id);
    await consensus.close();
  }

  /** A member that was killed, or a new one, is added to the quorum on another host than its clients were told of. */
  async add(id: number, host: string): Promise<void> {
    this.#hosts.set(id, host);
    this.quorum.quorum.addresses[id] = `${host}:2181`;
    await this.quorum.start(id);
  }

  #host(id: number): string {
    return this.#hosts.get(id) ?? `m${id}`;
  }

  session(name: string, options: Partial<SessionOptions> = {}): Promise<Session & Past> {
    const { clock, random, logger } = this;
    const rpc = this.network.rpc(name);
    const members = new Map([1, 2, 3].map((id) => [id, `m${id}:2181`]));
    return this.until(openSession({ members, rpc, clock, random, logger, connectTimeoutMs: 5_000, name, ...options }));
  }

  /** Lets time pass until the promise settles; throws when it does not within `ms` of virtual time. */
  async until<T>(promise: Promise<T>, ms = 60_000): Promise<T> {
    let isSettled = false;
    const mark = (): void => {
      isSettled = true;
    };
    promise.then(mark, mark);
    for (let passed = 0; passed < ms; passed += 5) {
      if (isSettled) return promise;
      await this.clock.advance(5);
    }
    if (isSettled) return promise;
    throw new Error(`not settled within ${ms} ms of virtual time`);
  }

  /** Lets time pass until the condition holds; returns how long that took. */
  async eventually(condition: () => boolean, ms = 60_000): Promise<number> {
    const start = this.clock.now();
    while (!condition()) {
      if (this.clock.now() - start > ms) throw new Error(`did not come true within ${ms} ms of virtual time`);
      await this.clock.advance(5);
    }
    return this.clock.now() - start;
  }
}

/** Collects what a watch delivers. */
export function collect(watch: Watch): WatchEvent[] {
  const events: WatchEvent[] = [];
  void (async () => {
    for await (const event of watch) events.push(event);
  })();
  return events;
}

/** The pictures a watch draws, by path; throws when an event is out of order or twice (RELIABILITY C-07). */
export function fold(events: readonly WatchEvent[]): { revision: number; nodes: Map<string, string> } {
  let revision = -1;
  let nodes = new Map<string, string>();
  for (const event of events) {
    if (event.is === "compacted") throw new Error("compacted");
    const isInOrder = event.is === "changes" ? event.revision > revision : event.revision >= revision;
    if (!isInOrder) throw new Error(`${event.is} of revision ${event.revision} after ${revision}`);
    revision = event.revision;
    if (event.is === "snapshot") nodes = new Map(event.nodes.map((node) => [node.path, node.data.toString()]));
    if (event.is !== "changes") continue;
    for (const node of event.changed) nodes.set(node.path, node.data.toString());
    for (const path of event.deleted)
      if (!nodes.delete(path)) throw new Error(`${path} was deleted and had not been seen`);
  }
  return { revision, nodes };
}
