import { SeededRandom } from "@odradek/kit/testing";
import fc from "fast-check";
import { expect, test } from "vitest";

import { StateDigest } from "./state-digest.ts";

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
const rows = fc.uniqueArray(fc.tuple(bytes, bytes), { selector: ([key]) => key.toString("hex"), maxLength: 12 });
type Row = readonly [key: Buffer, value: Buffer];

function digestOf(state: readonly Row[]): Buffer {
  const digest = new StateDigest();
  for (const [key, value] of state) digest.add(key, value);
  return digest.bytes;
}

const nameOf = (state: readonly Row[]): string =>
  state
    .map((row) => row.map((field) => field.toString("hex")).join("="))
    .toSorted()
    .join();

test("R-26: two states have the same digest when they have the same rows, in whatever order they came, and else not", () => {
  fc.assert(
    fc.property(rows, rows, (one, other) => {
      expect(digestOf(one.toReversed())).toEqual(digestOf(one));
      expect(digestOf(one).equals(digestOf(other))).toBe(nameOf(one) === nameOf(other));
      const digest = new StateDigest(digestOf(one));
      for (const row of other) digest.add(...row);
      for (const row of one) digest.remove(...row);
      expect(digest.bytes).toEqual(digestOf(other));
    }),
  );
});

test("R-26: what stands at the end of a key is not what stands at the beginning of a value", () => {
  const whole = Buffer.from("/a/b and what is in it");
  const digests = Array.from({ length: whole.length + 1 }, (_, at) =>
    digestOf([[whole.subarray(0, at), whole.subarray(at)]]).toString("hex"),
  );
  expect(new Set(digests).size).toBe(digests.length);
});

test("L-24: rows that differ in one or two bits differ in both halves of the digest", () => {
  const random = new SeededRandom(1);
  const key = Buffer.from("A/path");
  const value = random.bytes(45);
  const halves = [new Set<bigint>(), new Set<bigint>()];
  let states = 0;
  const note = (): void => {
    const digest = digestOf([[key, value]]);
    halves.forEach((half, at) => half.add(digest.readBigUInt64LE(at * 8)));
    states++;
  };
  const flip = (bit: number): void => void (value[bit >> 3]! ^= 1 << (bit & 7));
  note();
  for (let one = 0; one < value.length * 8; one++) {
    flip(one);
    note();
    for (let other = 0; other < one; other++) {
      flip(other);
      note();
      flip(other);
    }
    flip(one);
  }
  expect(halves.map((half) => half.size)).toEqual([states, states]);
});

test("L-24: each bit of a row changes half of the digest's bits", () => {
  const row: Row = [Buffer.from("A/path"), Buffer.alloc(45)];
  const before = digestOf([row]);
  const flips = Array.from({ length: before.length * 8 }, () => 0);
  const bits = row[1].length * 8;
  for (let bit = 0; bit < bits; bit++) {
    row[1][bit >> 3]! ^= 1 << (bit & 7);
    const after = digestOf([row]);
    for (let at = 0; at < flips.length; at++) flips[at]! += ((before[at >> 3]! ^ after[at >> 3]!) >> (at & 7)) & 1;
    row[1][bit >> 3]! ^= 1 << (bit & 7);
  }
  for (const count of flips) {
    // Six standard deviations of a fair coin.
    expect(Math.abs(count - bits / 2)).toBeLessThan(6 * Math.sqrt(bits / 4));
  }
});
