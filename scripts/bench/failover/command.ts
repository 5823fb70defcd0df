import { loadavg } from "node:os";
import { setTimeout as elapsed } from "node:timers/promises";
import { ProduceApi } from "@odradek/protocol/messages/produce";
import { count, orEnd, readOptions, text, UsageError } from "../../options.ts";
import { addressOption } from "../address.ts";
import { isInSync, pictureOf, until } from "../cluster-picture.ts";
import { type Distribution, distributionOf } from "../figures.ts";
import { machineText } from "../machine.ts";
import { batchOf } from "../shapes.ts";
import { type Address, dropTopic, makeTopic, requestBytes } from "../wire.ts";
import { gapMs } from "./gap.ts";
import { PersistentProducer } from "./persistent-producer.ts";
import { odradek, peer, type System } from "./systems.ts";

const TOPIC = `failover-${process.pid}`;
const PARTITIONS = 12;
const REPLICAS = 3;
const BATCH_BYTES = 200;
/** Nobody takes longer; who does is reported as an error, not as a figure. */
const GAP_MS_MAX = 120_000;
/** For the producer to be at its usual pace again after everything is in sync. */
const SETTLE_MS = 500;

const usage = `usage: npm run bench -- failover [options]
  Kills the broker that leads ${PARTITIONS} partitions (RF 3, min.insync.replicas 2) with -9, and measures from before the signal, or the command that
  gives it, until every one of them has acknowledged a write (acks=all) that was begun after it. One system comes after the other: a JVM that has just been started compiles for
  a while, and the other's trials would pay for it.

  --trials N            of each system (20)
  --vs HOST:PORT        another Kafka with three brokers that runs already, killed and started by the two commands
  --vs-kill COMMAND     ends one of its brokers with -9; {id} stands for its id
  --vs-start COMMAND    starts it again, and does not wait for its end
`;

/** Runs the command; returns its exit code. */
export async function benchFailover(args: readonly string[]): Promise<number> {
  const { trials, vs } = flagsOf(args);
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  say(`${machineText()}, load ${loadavg()[0]!.toFixed(1)}`);
  const openers = [odradek, ...(vs === null ? [] : [() => peer(vs.bootstrap, vs)])];
  for (const open of openers) say(await measured(await open(), trials, say));
  say(`load ${loadavg()[0]!.toFixed(1)}`);
  return 0;
}

async function measured(system: System, trials: number, say: (line: string) => void): Promise<string> {
  const subject = await Subject.open(system);
  const gapsMs: number[] = [];
  try {
    while (gapsMs.length < trials) {
      gapsMs.push(await subject.trial());
      say(`${gapsMs.length} ${system.name}: ${Math.round(gapsMs.at(-1)!)} ms`);
    }
  } finally {
    await subject.close();
  }
  return told(system.name, distributionOf(gapsMs));
}

function told(name: string, { count: trials, p50, p99, max }: Distribution): string {
  const [middle, high, most] = [p50, p99, max].map((ms) => Math.round(ms));
  return `${name}: p50 ${middle} ms, p99 ${high} ms, max ${most} ms of ${trials}`;
}

type Flags = { trials: number; vs: { bootstrap: Address; kill: string; start: string } | null };

function flagsOf(args: readonly string[]): Flags {
  const commandLine = {
    usage,
    options: { trials: count(20), vs: addressOption, "vs-kill": text(null), "vs-start": text(null) },
  };
  const { options } = readOptions(commandLine, args);
  const { trials, vs: bootstrap, "vs-kill": kill, "vs-start": start } = options;
  if (bootstrap === null) return { trials, vs: null };
  return orEnd(commandLine, () => {
    if (kill === null || start === null) throw new UsageError("--vs needs --vs-kill and --vs-start");
    return { trials, vs: { bootstrap, kill, start } };
  });
}

/** One system with a topic and a producer at work. */
class Subject {
  readonly #system: System;
  readonly #producer: PersistentProducer;

  private constructor(system: System) {
    this.#system = system;
    const { bytes: records } = batchOf(BATCH_BYTES, 100);
    const partitionData = Array.from({ length: PARTITIONS }, (_, index) => ({ index, records }));
    const topicData = [{ name: TOPIC, partitionData }];
    const request = { transactionalId: null, acks: -1, timeoutMs: 30_000, topicData };
    this.#producer = new PersistentProducer([...system.brokers.values()], requestBytes(ProduceApi, 9, request));
  }

  static async open(system: System): Promise<Subject> {
    const [first] = system.brokers.values();
    const replicas = [...system.brokers.keys()].slice(0, REPLICAS);
    const settings = { "min.insync.replicas": "2" };
    await makeTopic(first!, { name: TOPIC, partitions: PARTITIONS, replicas, settings });
    return new Subject(system);
  }

  /** Kills whoever leads, waits for the writes, and starts it again; milliseconds until the last partition took one. */
  async trial(): Promise<number> {
    await elapsed(SETTLE_MS);
    const victim = await this.#leader();
    const gap = await gapMs({
      now: () => performance.now(),
      kill: () => this.#system.kill(victim),
      takenByAll: (fromMs) => this.#takenByAll(fromMs),
    });
    await this.#system.start(victim);
    await until(`broker ${victim} back in sync`, this.#anyBut(victim), isInSync(REPLICAS));
    return gap;
  }

  async close(): Promise<void> {
    await this.#producer.stop();
    await dropTopic(this.#anyBut(null), TOPIC).catch(() => undefined);
    await this.#system.close();
  }

  async #leader(): Promise<number> {
    const { topics } = await pictureOf(this.#anyBut(null));
    return topics.find(({ name }) => name === TOPIC)!.partitions[0]!.leaderId;
  }

  #anyBut(victim: number | null): Address {
    const [, address] = [...this.#system.brokers].find(([id]) => id !== victim)!;
    return address;
  }

  /** When every partition has acknowledged a write that was begun after `fromMs`. */
  #takenByAll(fromMs: number): Promise<number> {
    const waiting = new Set(Array.from({ length: PARTITIONS }, (_, index) => index));
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`no write within ${GAP_MS_MAX} ms`)), GAP_MS_MAX);
      this.#producer.onTaken = (partitions, begunMs) => {
        if (begunMs <= fromMs) return;
        for (const partition of partitions) waiting.delete(partition);
        if (waiting.size > 0) return;
        clearTimeout(late);
        resolve(performance.now());
      };
    });
  }
}
