import { execFile, spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** A record that a broker acknowledged to a producer. Numbers are unique within a run and grow with time. */
export type Acked = { atMs: number; key: string; number: number; partition: number; offset: number };
export type Stored = { partition: number; offset: number; key: string; number: number };

/** Whether a program can be started here at all. */
export const installed = (program: string, ...args: string[]): boolean =>
  spawnSync(program, args, { stdio: "ignore" }).status === 0;

/** librdkafka through Python, see librdkafka-producer.py. */
export class LibrdkafkaProducer {
  readonly acked: Acked[] = [];
  failed = 0;
  readonly #child;
  readonly #ended: Promise<void>;

  constructor(options: { bootstrap: string; topic: string; rate: number }) {
    const script = join(import.meta.dirname, "librdkafka-producer.py");
    const args = [script, "--bootstrap", options.bootstrap, "--topic", options.topic, "--rate", String(options.rate)];
    this.#child = spawn("python3", args, { stdio: ["pipe", "pipe", "inherit"] });
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#line(line));
    this.#ended = new Promise((resolve) => this.#child.once("close", () => resolve()));
  }

  static get installed(): boolean {
    return installed("python3", "-c", "import confluent_kafka");
  }

  /** Sends no more, waits for what is in flight (librdkafka gives up after 60 s). */
  async stop(): Promise<void> {
    this.#child.stdin.end();
    await this.#ended;
  }

  /** Ends the producer at once, whatever is in flight. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #line(line: string): void {
    const [kind, at, key, number, partition, offset] = line.split(" ");
    if (kind === "err") this.failed++;
    if (kind !== "ack") return;
    this.acked.push({
      atMs: Number(at),
      key: key!,
      number: Number(number),
      partition: Number(partition),
      offset: Number(offset),
    });
  }
}

/** Everything a topic holds, read by kcat from the start to the end. */
export function readAll(bootstrap: string, topic: string): Promise<Stored[]> {
  const args = ["-b", bootstrap, "-C", "-t", topic, "-o", "beginning", "-e", "-q", "-f", "%p %o %k %s\n"];
  return new Promise((resolve, reject) => {
    execFile("kcat", args, { maxBuffer: 1 << 30, timeout: 120_000 }, (error, stdout, stderr) => {
      if (error) return reject(new Error(`kcat -C: ${stderr}`, { cause: error }));
      resolve(
        stdout
          .trim()
          .split("\n")
          .filter(Boolean)
          .map((line) => {
            const [partition, offset, key, number] = line.split(" ");
            return { partition: Number(partition), offset: Number(offset), key: key!, number: Number(number) };
          }),
      );
    });
  });
}

/**
 * What is wrong with what is stored, given what was acknowledged to one idempotent producer: lost or changed records,
 * numbers stored twice, offsets given twice, keys out of order. Empty: nothing.
 */
export function violations(acked: readonly Acked[], stored: readonly Stored[]): string[] {
  const found: string[] = [];
  const at = new Map<string, Stored>();
  const times = new Map<number, number>();
  for (const record of stored) {
    const place = `${record.partition}@${record.offset}`;
    if (at.has(place)) found.push(`${place} was read twice`);
    at.set(place, record);
    times.set(record.number, (times.get(record.number) ?? 0) + 1);
  }
  for (const record of acked) {
    const place = `${record.partition}@${record.offset}`;
    const there = at.get(place);
    if (!there) found.push(`lost: ${record.number} was acknowledged at ${place}`);
    else if (there.number !== record.number || there.key !== record.key)
      found.push(`${place} holds ${there.number}, acknowledged was ${record.number}`);
  }
  for (const [number, count] of times) if (count > 1) found.push(`${number} is stored ${count} times`);
  const last = new Map<string, number>();
  for (const record of stored.toSorted((a, b) => a.partition - b.partition || a.offset - b.offset)) {
    const before = last.get(record.key) ?? -1;
    if (record.number < before) found.push(`key ${record.key}: ${record.number} stands behind ${before}`);
    last.set(record.key, Math.max(before, record.number));
  }
  return found;
}

/**
 * The longest silence of any one partition between two acknowledgements that touches the time from `fromMs` to `toMs`; one that still lasts
 * counts as far as it has come.
 */
export function longestGapMs(acked: readonly Acked[], fromMs: number, toMs: number): number {
  const last = new Map<number, number>();
  let longest = 0;
  for (const { partition, atMs } of acked.toSorted((a, b) => a.atMs - b.atMs)) {
    const before = last.get(partition);
    if (before !== undefined && atMs >= fromMs && before <= toMs) longest = Math.max(longest, atMs - before);
    last.set(partition, atMs);
  }
  for (const before of last.values()) longest = Math.max(longest, toMs - before);
  return longest;
}
