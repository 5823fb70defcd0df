import { test } from "vitest";
import { murmur2, partitionOfKey } from "./murmur2.ts";

test.for([
  ["21", -973932308],
  ["foobar", -790332482],
  ["a-little-bit-long-string", -985981536],
  ["a-little-bit-longer-string", -1486304829],
  ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
  ["abc", 479470107],
] as const)("murmur2 of %s is what Kafka's own test expects", ([text, hash], { expect }) => {
  expect(murmur2(Buffer.from(text))).toBe(hash);
  expect(partitionOfKey(Buffer.from(text), 7)).toBe((hash & 0x7fffffff) % 7);
});
