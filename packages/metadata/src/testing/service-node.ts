import { assert, type Random, silentLogger } from "@odradek/kit";
import type { MemoryNetwork } from "@odradek/kit/testing";
import { type EventLoop, ProcessClock, type AcceptedStream, processRpc, Violation } from "@odradek/kit/simulation";

import { defaultHistory, type HistoryLimits } from "../config.ts";
import { type MetadataNode, startNode } from "../node.ts";
import type { SimPlan } from "./sim-plan.ts";
import type { SimDisk } from "./sim-disk.ts";
import type { FaultyNode } from "./sim-faults.ts";

/** Few, so that members compare their states all the time (RELIABILITY R-26). */
const digestEntries = 16;

export type ServiceNodeParts = {
  id: number;
  members: Map<number, string>;
  loop: EventLoop;
  network: MemoryNetwork;
  disk: SimDisk;
  random: Random;
  limits: SimPlan["limits"];
  history?: HistoryLimits;
  /** Asked about every stream that it accepts. */
  accepted?: (path: string) => AcceptedStream;
  failed: (error: unknown) => void;
};

type Life = { clock: ProcessClock; node: MetadataNode | null };

/** One whole member — Raft, store, tree and service — over all its lives. */
export class ServiceNode implements FaultyNode {
  readonly disk: SimDisk;
  /** When its process stood still. */
  readonly pauses: { fromMs: number; untilMs: number }[] = [];
  readonly #parts: ServiceNodeParts;
  #life: Life | null = null;
  #isStalled = false;

  constructor(parts: ServiceNodeParts) {
    this.#parts = parts;
    this.disk = parts.disk;
  }

  get id(): number {
    return this.#parts.id;
  }

  get up(): boolean {
    return this.#life !== null;
  }

  get paused(): boolean {
    return this.#life?.clock.paused ?? false;
  }

  get node(): MetadataNode | null {
    return this.#life?.node ?? null;
  }

  get driver(): MetadataNode["consensus"] | null {
    return this.#life?.node?.consensus ?? null;
  }

  start(): void {
    assert(this.#life === null, "a node lives once at a time");
    const { id, members, loop, network, random, limits, history = defaultHistory, accepted } = this.#parts;
    const clock = new ProcessClock(loop);
    const { kv, files } = this.disk.open(clock);
    const life: Life = { clock, node: null };
    this.#life = life;
    if (this.#isStalled) this.pause();
    const fail = (error: unknown): void => this.#fail(life, error);
    const config = { id, dataDirectory: "/d", listen: members.get(id)!, health: "", members, history, controlFd: null };
    startNode(config, {
      clock,
      random,
      files,
      rpc: processRpc(network.rpc(`m${id}`), clock, accepted),
      logger: { ...silentLogger, error: (fields, message) => this.#said(fields, message) },
      openKv: () => Promise.resolve(kv),
      limits: { digestEntries, ...limits },
      onFailed: fail,
    }).then((node) => {
      if (this.#life === life) life.node = node;
    }, fail);
  }

  /** kill -9 and power loss in one: what was not synced is lost, or not. */
  crash(): void {
    this.#endPause();
    this.#life?.clock.kill();
    this.#life = null;
    this.disk.crash();
    this.#parts.network.crash(`m${this.id}`);
  }

  pause(): void {
    if (!this.#life || this.paused) return;
    this.#life.clock.pause();
    this.pauses.push({ fromMs: this.#parts.loop.nowMs, untilMs: Infinity });
  }

  resume(): void {
    this.#endPause();
    this.#life?.clock.resume();
  }

  /** Its machine stands still: a life that begins meanwhile does so too (RELIABILITY C-18). */
  stall(): void {
    this.#isStalled = true;
    this.pause();
  }

  /** Its machine goes on. */
  wake(): void {
    this.#isStalled = false;
    this.resume();
  }

  /** It goes on, or dies standing still: what comes after is time for its next life. */
  #endPause(): void {
    if (this.paused) this.pauses.at(-1)!.untilMs = this.#parts.loop.nowMs;
  }

  transfer(): void {
    this.driver?.core.step(this.#parts.loop.nowMs, { is: "transfer" });
  }

  async shutDown(): Promise<void> {
    await this.node?.close();
  }

  #fail(life: Life, error: unknown): void {
    if (this.#life !== life) return;
    if (!this.disk.fails) return this.#parts.failed(error);
    this.crash();
    this.#parts.loop.at(100, () => {
      if (this.#life === null) this.start();
    });
  }

  /** Nobody is told that their promises are lost while they are not, nor that members differ. */
  #said(fields: object, message: string): void {
    if (!("evt" in fields)) return;
    if (fields.evt === "DIGESTS_DIFFER" || (fields.evt === "store_damaged" && !this.disk.harmed))
      this.#parts.failed(new Violation(`node ${this.id}: ${message}: ${JSON.stringify(fields)}`));
  }
}
