import { describe, expect, test } from "vitest";
import { integerBelow } from "@odradek/kit";
import { MemoryFiles, SeededRandom } from "@odradek/kit/testing";
import { entriesIn } from "./entry-file.ts";
import { OFFSET_ENTRY_BYTES, OffsetIndex } from "./offset-index.ts";
import { TimeIndex } from "./time-index.ts";
import { CorruptLogError } from "./walk.ts";

function disk(): MemoryFiles {
  const files = new MemoryFiles();
  files.makeDirectory("/d");
  return files;
}

describe("offset index", () => {
  test("is 8 bytes an entry, exactly as long as its entries", () => {
    const files = disk();
    const index = new OffsetIndex(files, "/d/i", { baseOffset: 100, entries: 0 });
    index.append(165, 4133);
    index.append(170, 70_000);
    index.seal();
    expect(files.readAll("/d/i")!.toString("hex")).toBe("00000041000010250000004600011170");
  });

  test("L-03: an entry that points before its file is damage, not a place to read from", () => {
    const files = disk();
    const index = new OffsetIndex(files, "/d/i", { baseOffset: 0, entries: 0 });
    index.append(7, -855_638_016);
    expect(() => index.positionFor(9)).toThrow(CorruptLogError);
    expect(index.positionFor(6)).toBe(0);
  });

  test("property: a lookup finds the last batch that ends at or before the offset, also after truncations and from disk", () => {
    for (let seed = 1; seed <= 30; seed++) {
      const random = new SeededRandom(seed);
      const files = disk();
      const index = new OffsetIndex(files, "/d/i", { baseOffset: 0, entries: 0 });
      let model: { offset: number; position: number }[] = [];
      for (let step = 0; step < 1500; step++) {
        const last = model.at(-1) ?? { offset: 0, position: 0 };
        if (random.next() < 0.002) {
          const offset = integerBelow(random, last.offset + 2);
          index.truncateTo(offset);
          model = model.filter((entry) => entry.offset < offset);
        } else {
          const entry = { offset: last.offset + 1 + integerBelow(random, 9), position: last.position + 4096 };
          index.append(entry.offset, entry.position);
          model.push(entry);
        }
      }
      const check = (of: OffsetIndex): void => {
        expect(of.count).toBe(model.length);
        for (let probe = 0; probe < 50; probe++) {
          const offset = integerBelow(random, (model.at(-1)?.offset ?? 0) + 10);
          expect(of.positionFor(offset)).toBe(model.findLast((entry) => entry.offset <= offset)?.position ?? 0);
        }
      };
      check(index);
      index.seal();
      index.close();
      const entries = entriesIn(files.readAll("/d/i")!.length, OFFSET_ENTRY_BYTES)!;
      check(new OffsetIndex(files, "/d/i", { baseOffset: 0, entries }));
    }
  });
});

describe("time index", () => {
  test("is 12 bytes an entry and takes only larger timestamps", () => {
    const files = disk();
    const index = new TimeIndex(files, "/d/t", { baseOffset: 100, entries: 0 });
    index.append({ timestamp: -1, offset: 100 });
    index.append({ timestamp: 1_700_000_000_000, offset: 165 });
    index.append({ timestamp: 1_700_000_000_000, offset: 166 });
    index.append({ timestamp: 1_699_000_000_000, offset: 167 });
    index.append({ timestamp: 1_700_000_000_001, offset: 170 });
    index.seal();
    expect(files.readAll("/d/t")!.toString("hex")).toBe("0000018bcfe56800000000410000018bcfe5680100000046");
    expect(index.before(1_700_000_000_000)).toBeNull();
    expect(index.before(1_700_000_000_001)).toEqual({ timestamp: 1_700_000_000_000, offset: 165 });
    index.truncateTo(170);
    expect(index.last()).toEqual({ timestamp: 1_700_000_000_000, offset: 165 });
    index.append({ timestamp: 1_700_000_000_001, offset: 171 });
    expect(index.count).toBe(2);
  });
});
