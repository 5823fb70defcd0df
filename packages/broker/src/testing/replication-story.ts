import { deepEqual, equal } from "node:assert/strict";
import { integerBelow } from "@odradek/kit";
import { SeededRandom } from "@odradek/kit/testing";
import { batchesIn, ErrorCode, readBatch } from "@odradek/protocol";

import type { Partition } from "../partition/partition.ts";
import { ReplicatedTopic } from "./replicated-topic.ts";

/** Every pair of these brokers. */
const linksOf = (ids: readonly number[]): [string, string][] =>
  ids.flatMap((one) => ids.filter((other) => other > one).map((other): [string, string] => [`b${one}`, `b${other}`]));

type Options = {
  /** The partition is moved about between all brokers, too. */
  moves?: boolean;
  /** Machines lose their power, one or all of them at once, and their disks what was not synced; syncs take time. */
  power?: boolean;
  settings?: Record<string, string>;
};

/** Segments of a few batches: files are made and sealed all the time. */
const SMALL_SEGMENTS = { segmentBytes: 300 };

/** A partition under a nemesis drawn from a seed: deaths, restarts, cut links, brokers in the dark, a controller that comes late. */
export class ReplicationStory {
  readonly #random: SeededRandom;
  readonly #at: ReplicatedTopic;
  readonly #acknowledged = new Map<number, string>();
  /** Every record that any leader ever showed to a consumer. */
  readonly #consumed = new Map<number, string>();
  /** Offsets that were acknowledged for two records. */
  readonly #contradictions: number[] = [];
  readonly #appending = new Set<Promise<void>>();
  readonly #ids: readonly number[];
  readonly #links: readonly [string, string][];
  readonly #options: Options;
  #count = 0;
  /** How often all machines lost their power at once. */
  powerLosses = 0;

  private constructor(at: ReplicatedTopic, random: SeededRandom, options: Options) {
    this.#at = at;
    this.#ids = [...at.lives.keys()];
    this.#links = linksOf(this.#ids);
    this.#options = options;
    this.#random = random;
    at.proposalMs = () => this.#below(60);
  }

  static async start(seed: number, options: Options): Promise<ReplicationStory> {
    const random = new SeededRandom(seed);
    const disks = new SeededRandom(-seed);
    const nextSync = () => ({ ms: integerBelow(disks, 25), isSafeFirst: disks.next() < 0.5 });
    const at = await ReplicatedTopic.start({
      min: 1 + (seed % 2),
      ...(options.moves && { spare: [4] }),
      ...(options.power && { nextSync, diskSeed: 10 * seed, topicConfig: SMALL_SEGMENTS }),
      settings: options.settings ?? {},
    });
    return new ReplicationStory(at, random, options);
  }

  get acknowledged(): number {
    return this.#acknowledged.size;
  }

  get epochs(): number {
    return this.#at.node.leaderEpoch;
  }

  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      await this.#step();
      await this.#at.pass(this.#below(30));
      for (const partition of this.#leaders()) this.#consume(partition);
    }
  }

  /** Everything is well again: nothing acknowledged is lost, nothing read has changed, all logs are the same. */
  async end(): Promise<void> {
    const at = this.#at;
    for (const link of this.#links) at.network.heal(...link);
    at.inTheDark.clear();
    for (const id of this.#ids) if (!at.lives.has(id)) await at.boot(id);
    at.control();
    at.publish();
    await at.until(() => {
      if (this.#options.moves) at.control();
      const { isr, replicas } = at.node;
      const isWhole = isr.length === replicas.length && replicas.every((id) => at.partitionOrNull(id) !== null);
      return isWhole && !at.isMoving;
    }, 60_000);
    await at.until(() => this.#appending.size === 0, 60_000);
    deepEqual(this.#contradictions, []);
    equal((await at.appended(at.node.leader, ["last"])).error, ErrorCode.NONE);
    const logs = at.node.replicas.map((id) => recordsOf(at.partition(id)));
    for (const log of logs) deepEqual(log, logs[0]);
    for (const id of this.#ids) if (!at.node.replicas.includes(id)) equal(at.partitionOrNull(id), null);
    for (const [offset, value] of [...this.#acknowledged, ...this.#consumed])
      equal(logs[0]!.get(offset), value, `the record at ${offset}`);
  }

  async #step(): Promise<void> {
    const at = this.#at;
    const id = this.#ids[this.#below(this.#ids.length)]!;
    const link = this.#links[this.#below(this.#links.length)]!;
    if (this.#options.moves && this.#below(12) === 0) return this.#move();
    if (this.#options.power && this.#below(30) === 0) return this.#losePower(id);
    const dice = this.#below(100);
    if (dice < 50) return this.#append();
    if (dice < 60) return at.lives.has(id) && at.lives.size > 1 ? at.kill(id) : this.#boot(id);
    if (dice < 66) return this.#boot(id);
    if (dice < 73) return at.network.cut(...link);
    if (dice < 82) return at.network.heal(...link);
    if (dice < 86) return void at.inTheDark.add(id);
    if (dice < 92) {
      at.inTheDark.delete(id);
      return at.publish();
    }
    if (dice < 95) return at.control();
    if (dice < 98) return this.#strike();
    const preferred = at.node.isr[this.#below(at.node.isr.length)]!;
    if (at.lives.has(preferred)) at.elect(preferred);
    at.control();
  }

  /** To other brokers, back again, or somewhere else before it has arrived; now and then the controller looks whether it has. */
  #move(): void {
    const dice = this.#below(10);
    if (dice < 5) return this.#at.control();
    if (dice < 7) return this.#at.move(null);
    const left = [...this.#ids];
    const target: number[] = [];
    for (let count = 2 + this.#below(2); count > 0; count--) target.push(...left.splice(this.#below(left.length), 1));
    this.#at.move(target);
  }

  /** All in-sync replicas but one die at once: what is committed must be on the one that is left. */
  #strike(): void {
    const { lives, node } = this.#at;
    const left = node.isr[this.#below(node.isr.length)]!;
    if (lives.has(left)) for (const id of this.#ids) if (id !== left && lives.has(id)) this.#at.kill(id);
    this.#at.control();
  }

  async #losePower(id: number): Promise<void> {
    const at = this.#at;
    if (this.#below(2) === 0) return at.lives.has(id) ? at.losePower(id) : undefined;
    await this.#beBusy();
    at.loseAllPower();
    this.powerLosses++;
    at.inTheDark.clear();
    const ids = [...this.#ids];
    while (ids.length > 0) await this.#boot(ids.splice(this.#below(ids.length), 1)[0]!);
    at.control();
  }

  /** Records are on their way to disks and followers, and streams are dialled again meanwhile. */
  async #beBusy(): Promise<void> {
    const link = this.#links[this.#below(this.#links.length)]!;
    for (let count = this.#below(12); count > 0; count--) {
      this.#append();
      if (this.#below(4) === 0) {
        this.#at.network.cut(...link);
        this.#at.network.heal(...link);
      }
      await this.#at.pass(this.#below(12));
    }
  }

  async #boot(id: number): Promise<void> {
    if (!this.#at.lives.has(id)) await this.#at.boot(id);
  }

  #append(): void {
    const leader = this.#leaders()[0];
    const id = this.#ids.find((each) => this.#at.partitionOrNull(each) === leader);
    if (leader === undefined || id === undefined) return;
    const value = `v${this.#count++}`;
    const appending = this.#at.append(id, [value], { timeoutMs: 200 + this.#below(2000) }).then((answer) => {
      this.#appending.delete(appending);
      if (answer.error !== ErrorCode.NONE) return;
      if (this.#acknowledged.has(answer.baseOffset)) this.#contradictions.push(answer.baseOffset);
      this.#acknowledged.set(answer.baseOffset, value);
    });
    this.#appending.add(appending);
    // An append at a broker that is killed is never answered.
    const { clock } = this.#at.lives.get(id)!;
    clock.onDeath(() => this.#appending.delete(appending));
  }

  /** Brokers that believe to lead, in a random order. */
  #leaders(): Partition[] {
    const leading = this.#ids
      .map((id) => this.#at.partitionOrNull(id))
      .filter((partition) => partition?.role.is === "leader");
    return (this.#below(2) === 0 ? leading : leading.toReversed()) as Partition[];
  }

  #consume(partition: Partition): void {
    for (const [offset, value] of recordsOf(partition, partition.high.value)) {
      const before = this.#consumed.get(offset);
      if (before === undefined) this.#consumed.set(offset, value);
      else equal(value, before, `the record at ${offset}, read again`);
    }
  }

  #below(limit: number): number {
    return integerBelow(this.#random, limit);
  }
}

function recordsOf({ replica: { log } }: Partition, upTo = log.end): Map<number, string> {
  const records = new Map<number, string>();
  for (let from = log.start; ;) {
    const read = log.read(from, { bytesMax: 16 * 1024 * 1024, upTo, oneBatchAtLeast: true });
    if (read === null) return records;
    for (const batch of batchesIn(read.records)) {
      for (const { offset, value } of readBatch(batch)) records.set(offset, String(value));
      from = batch.nextOffset;
    }
    read.release();
  }
}
