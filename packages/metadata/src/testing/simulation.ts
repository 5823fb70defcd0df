import type { Logger } from "@odradek/kit";
import { integerBelow, silentLogger } from "@odradek/kit";
import {
  MortalClock,
  mortalRpc,
  MemoryFiles,
  MemoryKv,
  MemoryNetwork,
  SeededRandom,
  VirtualClock,
} from "@odradek/kit/testing";
import { openSession } from "../client/session.ts";
import type { Session } from "../client/types.ts";
import type { MetadataNode } from "../node.ts";
import { startNode } from "../node.ts";

type Disk = { files: MemoryFiles; rows: ReadonlyMap<string, Buffer>; kv: MemoryKv };
type Life = { node: MetadataNode; clock: MortalClock };

/** Whole metadata nodes — Raft, store, tree, service — and their clients in one process, under virtual time and one seed. */
export class Simulation {
  readonly clock = new VirtualClock();
  readonly random: SeededRandom;
  readonly network: MemoryNetwork;
  readonly ids: number[];
  readonly #disks = new Map<number, Disk>();
  readonly #lives = new Map<number, Life>();
  readonly #logger: Logger;

  constructor(seed: number, members = 3, logger: Logger = silentLogger) {
    this.random = new SeededRandom(seed);
    this.network = new MemoryNetwork(this.clock, { latencyMs: 1 });
    this.ids = Array.from({ length: members }, (_, at) => at + 1);
    this.#logger = logger;
  }

  get alive(): number[] {
    return [...this.#lives.keys()];
  }

  node(id: number): MetadataNode {
    return this.#lives.get(id)!.node;
  }

  get addresses(): Map<number, string> {
    return new Map(this.ids.map((id) => [id, `m${id}:2181`]));
  }

  async start(id: number): Promise<void> {
    const before = this.#disks.get(id);
    const files = before?.files ?? new MemoryFiles(integerBelow(this.random, 1e9));
    const disk: Disk = { files, rows: new Map(), kv: this.#openKv(before?.rows) };
    this.#disks.set(id, disk);
    const clock = new MortalClock(this.clock);
    const config = {
      id,
      dataDirectory: "/d",
      listen: `m${id}:2181`,
      health: "",
      members: this.addresses,
      controlFd: null,
    };
    const starting = startNode(config, {
      clock,
      random: this.random,
      files,
      rpc: mortalRpc(this.network.rpc(`m${id}`), clock),
      logger: this.#logger.child({ member: id }),
      openKv: () => Promise.resolve(disk.kv),
    });
    this.#lives.set(id, { node: await this.until(starting), clock });
  }

  /** kill -9, or with `power` a loss of power that takes what was not synced. */
  crash(id: number, power: boolean): void {
    const life = this.#lives.get(id)!;
    life.clock.die();
    this.#lives.delete(id);
    this.network.crash(`m${id}`);
    const disk = this.#disks.get(id)!;
    disk.rows = disk.kv.crash(this.random);
    if (power) disk.files.crash();
    else disk.files.kill();
  }

  client(name: string, timeoutMs = 6_000): Promise<Session> {
    const { clock, random } = this;
    const rpc = this.network.rpc(name);
    const ports = { clock, random, rpc, logger: this.#logger.child({ client: name }) };
    return this.until(openSession({ members: this.addresses, ...ports, timeoutMs, connectTimeoutMs: 30_000, name }));
  }

  /** Lets time pass until the promise settles; throws when it does not within `ms` of virtual time. */
  async until<T>(promise: Promise<T>, ms = 60_000): Promise<T> {
    let isSettled = false;
    const mark = (): void => {
      isSettled = true;
    };
    promise.then(mark, mark);
    for (const start = this.clock.now(); !isSettled; await this.clock.advance(2))
      if (this.clock.now() - start > ms) throw new Error(`not settled within ${ms} ms of virtual time`);
    return promise;
  }

  /** A batch takes up to 5 ms, now and then 60. */
  #openKv(rows: ReadonlyMap<string, Buffer> | undefined): MemoryKv {
    const disk = (_batch: object, run: () => void): void => {
      const slow = this.random.next() < 0.02 ? 60 : 5;
      this.clock.timer(integerBelow(this.random, slow), run);
    };
    return new MemoryKv({ disk, ...(rows && { rows }) });
  }
}
