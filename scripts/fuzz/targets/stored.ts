import type { OpenFile } from "@odradek/kit";
import { MemoryFiles } from "@odradek/kit/testing";
import { crc32c } from "@odradek/protocol";
import { parseCheckpoint } from "../../../packages/broker/src/disk/checkpoint.ts";
import { OffsetCheckpoint } from "../../../packages/broker/src/disk/offset-checkpoint.ts";
import { readTopicId } from "../../../packages/broker/src/disk/partition-metadata.ts";
import { parsePartitionName } from "../../../packages/broker/src/disk/partition-names.ts";
import { ReadPool } from "../../../packages/broker/src/disk/read-pool.ts";
import { dumpFile } from "../../../packages/broker/src/dump/dump.ts";
import { Epochs } from "../../../packages/broker/src/partition/epochs.ts";
import { Producers } from "../../../packages/broker/src/partition/producers.ts";
import { fileName } from "../../../packages/broker/src/segment/file-names.ts";
import { openSegment, openUnclean } from "../../../packages/broker/src/segment/open-segment.ts";
import type { Segment } from "../../../packages/broker/src/segment/segment.ts";
import { CorruptLogError } from "../../../packages/broker/src/segment/walk.ts";
import { expect, type Target } from "../target.ts";
import { legalBatches, repairBatches } from "./records.ts";

const never = (): boolean => false;

/** A directory with one file. */
function directoryWith(name: string, bytes: Buffer): MemoryFiles {
  const files = new Files();
  files.makeDirectory("/d");
  put(files, `/d/${name}`, bytes);
  return files;
}

function put(files: MemoryFiles, path: string, bytes: Buffer): void {
  const file = files.open(path, { create: true });
  if (bytes.length > 0) file.write([bytes], 0);
  file.close();
}

/** The system refuses negative positions, and reads anywhere for -1: nobody may ask for them. */
class Files extends MemoryFiles {
  override open(path: string, options?: { create?: boolean }): OpenFile {
    const file = super.open(path, options);
    const read = file.read.bind(file);
    file.read = (into, position) => {
      expect(position >= 0, `a read at ${position}`);
      return read(into, position);
    };
    return file;
  }
}

function runDump(name: string, bytes: Buffer): number {
  let rows = 0;
  for (const found of dumpFile(directoryWith(name, bytes), `/d/${name}`, { deep: true }) as Iterable<{ is: string }>)
    rows += found.is === "row" ? 1 : 1000;
  return rows;
}

const texts = ["leader-epoch-checkpoint", "recovery-point-offset-checkpoint", "partition.metadata", "meta.properties"];

/** Kafka's small text files: checkpoints of epochs and offsets, whose directory and topic it is. The first byte chooses one. */
export const checkpoints: Target = {
  name: "checkpoints",
  isExpected: never,
  kindOf: (bytes) => (bytes[0] ?? 0) % texts.length,
  seeds: () =>
    [
      "\u00000\n2\n0 0\n3 17\n",
      "\u00010\n2\nwords 0 17\na-b 3 9007199254740991\n",
      "\u0002version: 0\ntopic_id: AbCdEfGhIjKlMnOpQrStUv",
      "\u0003version=1\nnode.id=3\ncluster.id: x\n#\ndirectory.id=abc\n",
    ].map((text) => Buffer.from(text)),
  run(bytes) {
    const name = texts[(bytes[0] ?? 0) % texts.length]!;
    const text = bytes.subarray(1);
    const files = directoryWith(name, text);
    const lines = parseCheckpoint(text);
    for (const [first = ""] of lines ?? []) parsePartitionName(first);
    new OffsetCheckpoint(files, `/d/${name}`).get("words", 0);
    const epochs = new Epochs(files, "/d");
    if (epochs.load()) epochs.endOffsetFor(1, Number.MAX_SAFE_INTEGER);
    readTopicId(files, "/d");
    return runDump(name, text);
  },
};

/** What a log remembers of its producers. */
export const snapshots: Target = {
  name: "snapshots",
  isExpected: never,
  seeds: () => {
    const producers = new Producers();
    const empty = producers.snapshot();
    const two = Buffer.alloc(10 + 2 * 46);
    two.writeInt16BE(1, 0);
    two.writeInt32BE(2, 6);
    return [empty, repaired(two)];
  },
  repair: (bytes) => void repaired(bytes),
  run(bytes) {
    const producers = new Producers();
    const isWhole = producers.restore(bytes);
    if (isWhole) expect(new Producers().restore(producers.snapshot()), "what was restored can't be saved");
    else expect(producers.count === 0, "a snapshot that is not whole changed something");
    return runDump(fileName(0, "snapshot"), bytes) * 2 + Number(isWhole);
  },
};

function repaired(bytes: Buffer): Buffer {
  if (bytes.length < 10) return bytes;
  bytes.writeInt16BE(1, 0);
  bytes.writeUInt32BE(crc32c(bytes.subarray(6)), 2);
  return bytes;
}

/** Two int16: bytes of the .log file and of its .index; what is left is the .timeindex. */
const HEAD_BYTES = 4;

function cut(bytes: Buffer): { log: Buffer; index: Buffer; times: Buffer } {
  if (bytes.length < HEAD_BYTES) return { log: bytes, index: Buffer.alloc(0), times: Buffer.alloc(0) };
  const logEnd = Math.min(bytes.length, HEAD_BYTES + bytes.readUInt16BE(0));
  const indexEnd = Math.min(bytes.length, logEnd + bytes.readUInt16BE(2));
  return {
    log: bytes.subarray(HEAD_BYTES, logEnd),
    index: bytes.subarray(logEnd, indexEnd),
    times: bytes.subarray(indexEnd),
  };
}

function joined(log: Buffer, index: Buffer, times: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt16BE(log.length, 0);
  head.writeUInt16BE(index.length, 2);
  return Buffer.concat([head, log, index, times]);
}

/** A segment as a stopped broker left it on a disk that may have changed it, and its indexes. */
export const segments: Target = {
  name: "segments",
  isExpected: (error) => error instanceof CorruptLogError,
  repair: (bytes) => repairBatches(cut(bytes).log),
  seeds: () =>
    legalBatches().flatMap((batch) => {
      const index = Buffer.alloc(8);
      const times = Buffer.alloc(12);
      times.writeBigInt64BE(1_700_000_000_000n, 0);
      return [joined(batch, Buffer.alloc(0), times), joined(batch, index, times)];
    }),
  // Every file that is opened reads into pooled buffers.
  allowedBytes: (bytes) => 2 * 1024 * 1024 + 256 * bytes,
  run(bytes) {
    const { log, index, times } = cut(bytes);
    const files = directoryWith(fileName(0, "log"), log);
    put(files, `/d/${fileName(0, "index")}`, index);
    put(files, `/d/${fileName(0, "timeindex")}`, times);
    for (const name of [fileName(0, "index"), fileName(0, "timeindex")])
      for (const found of dumpFile(files, `/d/${name}`, { deep: false }) as Iterable<{ is: string }>) void found.is;
    const where = { files, directory: "/d", pool: new ReadPool() };
    return (
      use(openSegment(where, 0, { indexIntervalBytes: 64, areIndexesSafe: true })) + 100 * use(openUnclean(where, 0))
    );
  },
};

/** Everything that is asked of a segment. */
function use(segment: Segment): number {
  const asked = [
    () => segment.read(0, { bytesMax: 4096, upTo: Infinity, oneBatchAtLeast: true }, bounds),
    () => segment.read(1, { bytesMax: 10, upTo: Infinity, oneBatchAtLeast: false }, bounds),
    () => segment.firstSince(1_600_000_000_000, 0),
    () => segment.cutFor(1),
    () => segment.headerOf(2),
    () => segment.firstTimestamp(),
  ];
  let answers = 0;
  for (const [bit, ask] of asked.entries()) {
    try {
      if (ask() !== null) answers |= 1 << bit;
    } catch (error) {
      if (!(error instanceof CorruptLogError)) throw error;
    }
  }
  return answers;
}

const bounds = { end: Infinity, joins: false, epochOf: () => -1 };
