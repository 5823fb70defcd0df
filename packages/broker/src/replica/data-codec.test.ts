import { expect, test } from "vitest";

import { decodeData, encodeData, releaseData } from "./data-codec.ts";
import { type Data, follow, followByContract } from "./messages.ts";

const cases: Data[][] = [
  [],
  [{ attachId: 1, high: 0, start: 0, records: Buffer.alloc(0) }],
  [{ attachId: 0xffff_ffff, high: Number.MAX_SAFE_INTEGER, start: 2 ** 32, records: Buffer.from("batch") }],
  [
    { attachId: 7, high: 127, start: 128, records: Buffer.alloc(300, 7) },
    { attachId: 8, high: 16_384, start: 16_383, records: Buffer.alloc(0) },
    { attachId: 9, high: 2 ** 35 - 1, start: 2 ** 35, records: Buffer.alloc(70_000, 9) },
  ],
];

test("the contract's codec reads what the hand-written one wrote, and the other way round", () => {
  for (const data of cases) {
    expect(followByContract.decodeResponse(encodeData(data)).data).toEqual(data);
    expect(decodeData(followByContract.encodeResponse({ data }))).toEqual(data);
  }
});

test("a message with answers goes through the contract's codec", () => {
  const answers = [{ attachId: 3, outcome: "diverged" as const, diverged: { epoch: 2, end: 40 } }];
  const decoded = follow.decodeResponse(follow.encodeResponse({ answers }));
  expect(decoded.answers).toMatchObject(answers);
  expect(decodeData(follow.encodeResponse({ answers }))).toBeNull();
});

test("a message cut off anywhere is an error, not a wait or a guess", () => {
  const bytes = encodeData(cases[3]!);
  for (const length of [1, 2, 5, 100, bytes.length - 1])
    expect(() => decodeData(bytes.subarray(0, length))).toThrow(RangeError);
});

test("a released buffer is used again, one that is on its way is not, and nobody else's is taken", () => {
  const [first, second] = [encodeData(cases[3]!), encodeData(cases[3]!)];
  expect(second.buffer).not.toBe(first.buffer);
  releaseData(first);
  releaseData(first);
  releaseData(Buffer.alloc(100_000));
  const [third, fourth] = [encodeData(cases[3]!), encodeData(cases[3]!)];
  expect(third.buffer).toBe(first.buffer);
  expect(fourth.buffer).not.toBe(first.buffer);
  expect(decodeData(second)).toEqual(cases[3]);
});
