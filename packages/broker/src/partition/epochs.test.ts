import { describe, expect, test } from "vitest";
import { Batch, buildBatch } from "@odradek/protocol";
import { MemoryFiles } from "@odradek/kit/testing";
import { Epochs } from "./epochs.ts";

function epochs(entries: [epoch: number, start: number][], files = new MemoryFiles()): Epochs {
  files.makeDirectory("/d");
  const made = new Epochs(files, "/d");
  for (const [epoch, start] of entries) made.begin(epoch, start);
  return made;
}

const batch = (epoch: number, baseOffset: number): Batch =>
  new Batch(buildBatch({ records: [{ value: null }], partitionLeaderEpoch: epoch, baseOffset }));
const entriesOf = (of: Epochs): number[][] => of.entries.map(({ epoch, start }) => [epoch, start]);

describe("leader epochs", () => {
  test("KIP-101: where an epoch ends", () => {
    const three = epochs([
      [2, 10],
      [4, 20],
      [7, 30],
    ]);
    expect(three.endOffsetFor(7, 44)).toEqual({ leaderEpoch: 7, endOffset: 44 });
    expect(three.endOffsetFor(4, 44)).toEqual({ leaderEpoch: 4, endOffset: 30 });
    expect(three.endOffsetFor(5, 44)).toEqual({ leaderEpoch: 4, endOffset: 30 });
    expect(three.endOffsetFor(1, 44)).toEqual({ leaderEpoch: 1, endOffset: 10 });
    expect(three.endOffsetFor(8, 44)).toEqual({ leaderEpoch: -1, endOffset: -1 });
    expect(three.endOffsetFor(-1, 44)).toEqual({ leaderEpoch: -1, endOffset: -1 });
    expect(epochs([]).endOffsetFor(0, 0)).toEqual({ leaderEpoch: -1, endOffset: -1 });
    expect([9, 10, 29, 30].map((offset) => three.epochOf(offset))).toEqual([-1, 2, 4, 7]);
  });

  test("P-06: an epoch without records is remembered, and replaced by one that starts at the same offset", () => {
    const of = epochs([
      [1, 0],
      [2, 5],
    ]);
    of.begin(3, 5);
    of.begin(3, 9);
    of.begin(2, 9);
    expect(entriesOf(of)).toEqual([
      [1, 0],
      [3, 5],
    ]);
  });

  test("L-15: truncation at either end", () => {
    const of = epochs([
      [1, 0],
      [2, 5],
      [3, 8],
    ]);
    of.startMoved(6);
    expect(entriesOf(of)).toEqual([
      [2, 6],
      [3, 8],
    ]);
    of.truncated(8);
    expect(entriesOf(of)).toEqual([[2, 6]]);
    of.truncated(6);
    expect(of.latest).toBe(-1);
  });

  test("a checkpoint older than a truncation gives way to what the log says", () => {
    const of = epochs([
      [1, 0],
      [5, 100],
    ]);
    of.batch(batch(1, 40));
    expect(of.latest).toBe(5);
    of.batch(batch(3, 100));
    expect(entriesOf(of)).toEqual([
      [1, 0],
      [3, 100],
    ]);
  });

  test("the checkpoint is Kafka's; an unreadable one is said to be", async () => {
    const files = new MemoryFiles();
    const of = epochs(
      [
        [1, 0],
        [5, 100],
      ],
      files,
    );
    await of.save();
    expect(String(files.readAll("/d/leader-epoch-checkpoint"))).toBe("0\n2\n1 0\n5 100\n");
    const again = epochs([], files);
    expect(again.load()).toBe(true);
    expect(entriesOf(again)).toEqual(entriesOf(of));
    for (const text of ["", "0\n2\n1 0\n", "0\n1\n1 x\n", "1\n0\n", "0\n2\n5 1\n4 2\n", "0\n1\n1 0"]) {
      await files.replace("/d/leader-epoch-checkpoint", Buffer.from(text));
      expect(again.load()).toBe(false);
      expect(again.latest).toBe(-1);
    }
  });
});
