import { buildBatch } from "@odradek/protocol";
import type { MemoryFiles } from "@odradek/kit/testing";
import { describe, expect, test } from "vitest";
import { markBoot } from "../disk/boot-mark.ts";
import { noteDirectories } from "../disk/directory-note.ts";
import { OffsetCheckpoint } from "../disk/offset-checkpoint.ts";
import { writeTopicId } from "../disk/partition-metadata.ts";
import { DIRECTORY, LogFixture, memoryFiles } from "../testing/log-fixture.ts";
import { dumpFile, type Found, SegmentGaps } from "./dump.ts";

/** A closed log in two segments, with all that lies beside it. */
async function stored(segmentBytes = 900): Promise<MemoryFiles> {
  const files = memoryFiles();
  const at = await LogFixture.open({ segmentBytes, indexIntervalBytes: 100 }, files);
  for (let n = 0; n < 12; n++)
    at.append(
      buildBatch({
        records: [{ key: Buffer.from(`k${n}`), value: Buffer.from(`v${n}`.padEnd(40)), timestamp: 1000 + n }],
        producer: { id: 7, epoch: 1, baseSequence: n },
        compression: n % 2 === 0 ? "none" : "gzip",
      }),
      Math.floor(n / 8),
    );
  await at.tick();
  await at.log.close();
  await writeTopicId(files, DIRECTORY, "A".repeat(22));
  const offsets = new OffsetCheckpoint(files, `${DIRECTORY}/recovery-point-offset-checkpoint`);
  offsets.set({ topic: "words", partition: 0, offset: 12 });
  await offsets.save();
  return files;
}

async function dumped(files: MemoryFiles, name: string, deep = false): Promise<Found[]> {
  const found: Found[] = [];
  for await (const one of dumpFile(files, `${DIRECTORY}/${name}`, { deep })!) found.push(one);
  return found;
}

const damages = (found: readonly Found[]): number[] =>
  found.flatMap((one) => (one.is === "damage" ? [one.position] : []));

describe("dump", () => {
  test("every file of a log that was closed in order is whole", async () => {
    const files = await stored();
    const kinds = new Set<string>();
    for (const name of files.list(DIRECTORY)) {
      const found = await dumped(files, name);
      expect([name, damages(found)]).toEqual([name, []]);
      expect([name, found.length > 0]).toEqual([name, true]);
      kinds.add(/[^.0-9]\w.*$/.exec(name)![0]);
    }
    expect([...kinds].toSorted()).toEqual([
      "index",
      "leader-epoch-checkpoint",
      "log",
      "partition.metadata",
      "recovery-point-offset-checkpoint",
      "snapshot",
      "timeindex",
    ]);
  });

  test("batches have Kafka's fields, records their own", async () => {
    const files = await stored();
    const [batch] = await dumped(files, "00000000000000000000.log");
    expect(batch).toMatchObject({ row: { baseOffset: 0, lastOffset: 0, count: 1, producerId: 7, position: 0 } });
    const records = await dumped(files, "00000000000000000000.log", true);
    expect(records[1]).toMatchObject({ row: { offset: 1, sequence: 1, key: "k1", value: "v1".padEnd(40) } });
  });

  test("any flipped bit of a log is named with the position of its batch, and what stands behind is shown", async () => {
    const files = await stored();
    const name = "00000000000000000000.log";
    const whole = files.readAll(`${DIRECTORY}/${name}`)!;
    const positions = (await dumped(files, name)).map((one) => (one.is === "row" ? Number(one.row["position"]) : -1));
    for (let at = 0; at < whole.length; at++) {
      const start = positions.findLast((position) => position <= at)!;
      const isOutsideChecksum = at - start < 8 || (at - start >= 12 && at - start < 16);
      if (isOutsideChecksum) continue;
      const broken = Buffer.from(whole);
      broken[at]! ^= 1;
      const file = files.open(`${DIRECTORY}/${name}`);
      file.write([broken], 0);
      file.close();
      const found = await dumped(files, name);
      expect([at, damages(found), found.length]).toEqual([at, [start], positions.length]);
    }
  });

  test("damaged entries, checksums and lines are named with their position", async () => {
    const files = await stored();
    const injure = (name: string, change: (bytes: Buffer) => Buffer): void => {
      const file = files.open(`${DIRECTORY}/${name}`);
      const bytes = change(files.readAll(`${DIRECTORY}/${name}`)!);
      file.truncate(0);
      file.write([bytes], 0);
      file.close();
    };
    const flipped = (at: number) => (bytes: Buffer) => ((bytes[at]! ^= 1), bytes);
    injure("00000000000000000000.index", flipped(11));
    expect(damages(await dumped(files, "00000000000000000000.index"))).toContain(8);
    injure("00000000000000000000.timeindex", (bytes) => bytes.subarray(0, bytes.length - 1));
    expect(damages(await dumped(files, "00000000000000000000.timeindex"))).toHaveLength(1);
    injure("00000000000000000012.snapshot", flipped(20));
    expect(damages(await dumped(files, "00000000000000000012.snapshot"))).toEqual([2]);
    injure("leader-epoch-checkpoint", () => Buffer.from("0\n2\n1 8\n0 0\n"));
    expect(damages(await dumped(files, "leader-epoch-checkpoint"))).toEqual([4]);
    injure("recovery-point-offset-checkpoint", () => Buffer.from("0\n1\nwords x 12\n"));
    expect(damages(await dumped(files, "recovery-point-offset-checkpoint"))).toEqual([3]);
    injure("partition.metadata", () => Buffer.from("version: 0\ntopic_id: short"));
    expect(damages(await dumped(files, "partition.metadata"))).toEqual([2]);
  });

  test("a checkpoint that is not whole says what is wrong with it", async () => {
    const files = memoryFiles();
    files.makeDirectory(DIRECTORY);
    const problems = async (text: string) => {
      await files.replace(`${DIRECTORY}/recovery-point-offset-checkpoint`, Buffer.from(text));
      const found = await dumped(files, "recovery-point-offset-checkpoint");
      return found.map((one) => one.is === "damage" && one.problem);
    };
    expect(await problems("0\n2\nwords 0 12\n")).toEqual(["it says that it has 2 entries, and has 1"]);
    expect(await problems("1\n0\n")).toEqual(["version 1, not 0"]);
    expect(await problems("0\n1\nwords 0 12")).toEqual(["its last line does not end"]);
    expect(await problems("0\n")).toEqual(["it says that it has no number of entries, and has 0"]);
  });

  test("the notes of a data directory are shown: which boot answers for it, and its siblings", async () => {
    const files = memoryFiles();
    files.makeDirectory(DIRECTORY);
    await markBoot(files, DIRECTORY, { synced: true });
    await noteDirectories(files, DIRECTORY, [`${"B".repeat(22)}:failed`, "A".repeat(22)]);
    expect(await dumped(files, "odradek-boot")).toEqual([{ is: "row", row: { boot: "synced" } }]);
    expect(await dumped(files, "odradek-directories")).toEqual(
      ["A".repeat(22), `${"B".repeat(22)}:failed`].map((directoryId) => ({ is: "row", row: { directoryId } })),
    );
    await files.replace(`${DIRECTORY}/odradek-boot`, Buffer.from("syn"));
    expect(damages(await dumped(files, "odradek-boot"))).toEqual([1, 1]);
    await files.replace(`${DIRECTORY}/odradek-directories`, Buffer.from(`${"A".repeat(22)}\nB\n`));
    expect(damages(await dumped(files, "odradek-directories"))).toEqual([2]);
  });

  test("a segment that is missing between two is told as a gap, of batches as of records", async () => {
    const files = await stored(400);
    const names = files.list(DIRECTORY).filter((name) => name.endsWith(".log"));
    expect(names.length).toBeGreaterThan(2);
    const gaps = async (some: string[], deep: boolean) => {
      const seen = new SegmentGaps();
      const found = [];
      for (const name of some) {
        found.push(seen.before(`${DIRECTORY}/${name}`));
        for (const one of await dumped(files, name, deep))
          if (one.is === "row") seen.saw(`${DIRECTORY}/${name}`, one.row);
      }
      return found;
    };
    const [first, second, third] = names as [string, string, string];
    for (const deep of [false, true]) {
      expect(await gaps([...names], deep)).toEqual(names.map(() => null));
      const missing = { from: Number.parseInt(second), to: Number.parseInt(third) - 1 };
      expect(await gaps([first, third], deep)).toEqual([null, missing]);
    }
    expect(new SegmentGaps().before(`${DIRECTORY}/leader-epoch-checkpoint`)).toBeNull();
  });

  test("a file of another name is not guessed at", () => {
    expect(dumpFile(memoryFiles(), "/etc/passwd", { deep: false })).toBeNull();
  });

  test("N-17: a property may have any name", async () => {
    const files = memoryFiles();
    files.makeDirectory(DIRECTORY);
    await files.replace(`${DIRECTORY}/meta.properties`, Buffer.from("version=1\nconstructor=3\n__proto__=4\n"));
    expect(damages(await dumped(files, "meta.properties"))).toEqual([]);
  });

  test("L-03: an index entry that points before the log is told as damage", async () => {
    const files = await stored();
    const index = Buffer.alloc(8);
    index.writeInt32BE(3, 0);
    index.writeInt32BE(-2, 4);
    const name = "00000000000000000000.index";
    await files.replace(`${DIRECTORY}/${name}`, index);
    expect(damages(await dumped(files, name))).toEqual([0]);
  });
});
