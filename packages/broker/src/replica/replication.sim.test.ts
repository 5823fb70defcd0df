import { integerBelow } from "@odradek/kit";
import { SeededRandom } from "@odradek/kit/testing";
import { batchesIn, ErrorCode, readBatch } from "@odradek/protocol";
import { expect, test } from "vitest";

import type { Partition } from "../partition/partition.ts";
import { ReplicatedTopic } from "../testing/replicated-topic.ts";

/** Every pair of these brokers. */
const linksOf = (ids: readonly number[]): [string, string][] =>
  ids.flatMap((one) => ids.filter((other) => other > one).map((other): [string, string] => [`b${one}`, `b${other}`]));

/** A partition under a nemesis drawn from a seed: deaths, restarts, cut links, brokers in the dark, a controller that comes late. */
class Story {
  readonly #random: SeededRandom;
  readonly #at: ReplicatedTopic;
  readonly #acknowledged = new Map<number, string>();
  /** Every record that any leader ever showed to a consumer. */
  readonly #consumed = new Map<number, string>();
  readonly #appending = new Set<Promise<void>>();
  readonly #ids: readonly number[];
  readonly #links: readonly [string, string][];
  readonly #moves: boolean;
  #count = 0;

  /** `moves`: the partition is moved about between all brokers, too. */
  constructor(at: ReplicatedTopic, seed: number, { moves }: { moves: boolean }) {
    this.#at = at;
    this.#ids = [...at.lives.keys()];
    this.#links = linksOf(this.#ids);
    this.#moves = moves;
    this.#random = new SeededRandom(seed);
    at.proposalMs = () => this.#below(60);
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
      if (this.#moves) at.control();
      const { isr, replicas } = at.node;
      const isWhole = isr.length === replicas.length && replicas.every((id) => at.partitionOrNull(id) !== null);
      return isWhole && !at.isMoving;
    }, 60_000);
    await at.until(() => this.#appending.size === 0, 60_000);
    expect(await at.appended(at.node.leader, ["last"])).toMatchObject({ error: ErrorCode.NONE });
    const logs = at.node.replicas.map((id) => recordsOf(at.partition(id)));
    for (const log of logs) expect(log).toEqual(logs[0]);
    for (const id of this.#ids) if (!at.node.replicas.includes(id)) expect(at.partitionOrNull(id)).toBeNull();
    for (const [offset, value] of this.#acknowledged) expect([offset, logs[0]!.get(offset)]).toEqual([offset, value]);
    for (const [offset, value] of this.#consumed) expect([offset, logs[0]!.get(offset)]).toEqual([offset, value]);
  }

  async #step(): Promise<void> {
    const at = this.#at;
    const id = this.#ids[this.#below(this.#ids.length)]!;
    const link = this.#links[this.#below(this.#links.length)]!;
    if (this.#moves && this.#below(12) === 0) return this.#move();
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
      expect(this.#acknowledged.get(answer.baseOffset)).toBeUndefined();
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
      else expect([offset, value]).toEqual([offset, before]);
    }
  }

  #below(limit: number): number {
    return integerBelow(this.#random, limit);
  }
}

function recordsOf({ replica: { log } }: Partition, upTo = log.end): Map<number, string> {
  const records = new Map<number, string>();
  const read = log.read(log.start, { bytesMax: 16 * 1024 * 1024, upTo, oneBatchAtLeast: true });
  for (const batch of batchesIn(read?.records ?? Buffer.alloc(0)))
    for (const { offset, value } of readBatch(batch)) records.set(offset, String(value));
  read?.release();
  return records;
}

const seeds = Number(process.env["ODRADEK_SEEDS"] ?? 25);
const first = Number(process.env["ODRADEK_SEED"] ?? 1);

test.each([
  { moves: false, what: "no acknowledged record is lost, none that was read changes, all replicas end the same" },
  {
    moves: true,
    what: "P-20: the same while the partition is moved about, and moves are cancelled and changed half way",
  },
])(`${seeds} seeds: $what`, { timeout: 300_000 }, async ({ moves }) => {
  let acknowledged = 0;
  let epochs = 0;
  for (let seed = first; seed < first + seeds; seed++) {
    const spare = moves ? { spare: [4] } : {};
    const story = new Story(await ReplicatedTopic.start({ min: 1 + (seed % 2), ...spare }), seed, { moves });
    try {
      await story.run(300);
      await story.end();
    } catch (cause) {
      throw new Error(`seed ${seed}: ${String(cause)}`, { cause });
    }
    acknowledged += story.acknowledged;
    epochs += story.epochs;
  }
  expect(acknowledged).toBeGreaterThan(10 * seeds);
  expect(epochs).toBeGreaterThan(5 * seeds);
});
