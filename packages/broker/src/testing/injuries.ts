import { integerBelow, type Logger, type Random, silentLogger } from "@odradek/kit";
import { type MemoryFiles, SeededRandom } from "@odradek/kit/testing";
import { ErrorCode, batchesIn, readBatch } from "@odradek/protocol";
import { ReplicatedTopic } from "./replicated-topic.ts";

// What a disk does to the files of one replica while its broker is away, and what clients get afterwards.

const DIRECTORY = "/data/words-0";
const BATCHES = 24;

export const kinds = ["bit", "byte", "zeros", "garbage", "swap", "short", "gone"] as const;
export type InjuryKind = (typeof kinds)[number];
export type FileKind = "log" | "index" | "timeindex" | "snapshot" | "checkpoint";

export type Injured = {
  readonly kind: InjuryKind;
  readonly file: FileKind;
  /** Records that clients got and nobody had written there. */
  readonly wrong: number;
  /** Reads that were refused for a while. */
  readonly refused: number;
  /** Records that could not be read in the end. */
  readonly missing: number;
  /** Replicas whose log is not the leader's in the end. */
  readonly unlike: number;
};

/**
 * One injury to one replica of three: it is stopped in order, injured and started; then it leads, and a client reads everything from it.
 * Every record must be what was acknowledged, or refused.
 */
export async function injure(seed: number, logger: Logger = silentLogger): Promise<Injured> {
  const random = new SeededRandom(seed);
  const topic = await ReplicatedTopic.start({
    min: 2,
    logger,
    topicConfig: { segmentBytes: 1500, indexIntervalBytes: 250 },
    settings: { "odradek.scrub.bytes.per.second": "0" },
  });
  const written = await fill(topic, random);
  const victim = 1 + integerBelow(random, 3);
  await topic.stop(victim);
  topic.control();
  const done = injureFile(topic.files.get(victim)!, random);
  await topic.boot(victim);
  topic.control();
  await topic.until(() => topic.node.isr.includes(victim), 30_000);
  topic.elect(victim);
  await topic.until(() => topic.partition(victim).role.is === "leader");
  const read = await readAll(topic, victim, written);
  // A client's next write must find a log to stand behind.
  const appended = await topic.appended(victim, ["after"]);
  if (appended.error !== ErrorCode.NONE || appended.baseOffset !== written.length) read.wrong++;
  const everything = [...written, "after"].join();
  const unlike = [1, 2, 3].filter((id) => stored(topic, id).join() !== everything).length;
  for (const id of [...topic.lives.keys()]) await topic.stop(id);
  return { ...done, ...read, unlike };
}

async function fill(topic: ReplicatedTopic, random: Random): Promise<string[]> {
  const written: string[] = [];
  for (let batch = 0; batch < BATCHES; batch++) {
    const values = Array.from({ length: 1 + integerBelow(random, 3) }, (_, index) =>
      `${written.length + index}:`.padEnd(8 + integerBelow(random, 60), "."),
    );
    const { error } = await topic.appended(1, values);
    if (error !== ErrorCode.NONE) throw new Error(`error ${error} while filling`);
    written.push(...values);
  }
  return written;
}

async function readAll(
  topic: ReplicatedTopic,
  id: number,
  written: readonly string[],
): Promise<{ wrong: number; refused: number; missing: number }> {
  const counts = { wrong: 0, refused: 0, missing: 0 };
  let offset = 0;
  for (let tries = 0; offset < written.length && tries < 40;) {
    const read = topic.partition(id).read({
      offset,
      bytesMax: 700,
      oneBatchAtLeast: true,
      leaderEpoch: -1,
      lastFetchedEpoch: -1,
      isolation: "uncommitted",
    });
    if (read.records === null) {
      counts.refused++;
      tries++;
      await topic.pass(250);
      continue;
    }
    tries = 0;
    for (const batch of batchesIn(read.records)) {
      if (batch.crc !== batch.computeCrc() || batch.baseOffset > offset) counts.wrong++;
      for (const record of readBatch(batch))
        if (record.offset >= offset && String(record.value) !== written[record.offset]) counts.wrong++;
      offset = batch.nextOffset;
    }
    read.release();
  }
  counts.missing = written.length - offset;
  return counts;
}

/** All values in a replica's log, as far as it can be read. */
function stored(topic: ReplicatedTopic, id: number): string[] {
  const { log } = topic.partition(id).replica;
  const values: string[] = [];
  for (let offset = log.start; ;) {
    const read = topic.partition(id).replica.read(offset, { bytesMax: 10_000, upTo: log.end, oneBatchAtLeast: true });
    if (read === null || read === "damaged") return values;
    for (const batch of batchesIn(read.records)) {
      values.push(...readBatch(batch).map(({ value }) => String(value)));
      offset = batch.nextOffset;
    }
    read.release();
  }
}

function injureFile(files: MemoryFiles, random: Random): { kind: InjuryKind; file: FileKind } {
  const names = files.list(DIRECTORY).filter((name) => fileKindOf(name) !== null);
  const logs = names.filter((name) => name.endsWith(".log") && sizeOf(files, name) > 0);
  // Three of four injuries hit records: most bytes of a disk are records.
  const from = random.next() < 0.75 ? logs : names.filter((name) => sizeOf(files, name) > 0);
  const name = from[integerBelow(random, from.length)]!;
  const kind = kinds[integerBelow(random, kinds.length)]!;
  const file = files.open(`${DIRECTORY}/${name}`);
  const bytes = files.readAll(`${DIRECTORY}/${name}`)!;
  const injured = injuredBytes(bytes, kind, random);
  file.truncate(0);
  file.write([injured], 0);
  file.close();
  return { kind, file: fileKindOf(name)! };
}

function injuredBytes(bytes: Buffer, kind: InjuryKind, random: Random): Buffer {
  const at = integerBelow(random, bytes.length);
  const length = 1 + integerBelow(random, Math.min(512, bytes.length - at));
  switch (kind) {
    case "bit":
      bytes[at]! ^= 1 << integerBelow(random, 8);
      return bytes;
    case "byte":
      bytes[at] = integerBelow(random, 256);
      return bytes;
    case "zeros":
      return bytes.fill(0, at, at + length);
    case "garbage":
      for (let index = at; index < at + length; index++) bytes[index] = integerBelow(random, 256);
      return bytes;
    case "swap": {
      const half = Math.floor(length / 2);
      const first = Buffer.from(bytes.subarray(at, at + half));
      bytes.copyWithin(at, at + half, at + 2 * half);
      first.copy(bytes, at + half);
      return bytes;
    }
    case "short":
      return bytes.subarray(0, at);
    case "gone":
      return bytes.subarray(0, 0);
  }
}

const sizeOf = (files: MemoryFiles, name: string): number => files.readAll(`${DIRECTORY}/${name}`)?.length ?? 0;

function fileKindOf(name: string): FileKind | null {
  if (name === "leader-epoch-checkpoint") return "checkpoint";
  const kind = /\.(log|index|timeindex|snapshot)$/.exec(name)?.[1];
  return kind === undefined ? null : (kind as FileKind);
}
