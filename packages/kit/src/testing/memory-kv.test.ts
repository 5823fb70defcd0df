import { expect, test } from "vitest";

import { kvContract } from "./kv-contract.ts";
import { MemoryKv } from "./memory-kv.ts";
import { SeededRandom } from "./seeded-random.ts";

kvContract("memory", () => {
  let rows: ReadonlyMap<string, Buffer> = new Map();
  let last: MemoryKv | null = null;
  return {
    open: () => {
      rows = last?.crash() ?? rows;
      last = new MemoryKv({ rows });
      return Promise.resolve(last);
    },
  };
});

const put = (key: string) => [{ is: "put" as const, key: Buffer.from(key), value: Buffer.from(key) }];

test("power loss keeps what was synced and a prefix of the rest", async () => {
  const survivors = new Set<string>();
  for (let seed = 1; seed <= 50; seed++) {
    const kv = new MemoryKv();
    await kv.batch(put("a"), { sync: true });
    await kv.batch(put("b"), { sync: false });
    await kv.batch(put("c"), { sync: false });
    survivors.add([...kv.crash(new SeededRandom(seed)).keys()].join(""));
  }
  expect([...survivors].toSorted()).toEqual(["a", "ab", "abc"]);
});

test("a batch that waits for the disk is not visible, and is lost or kept by power loss", async () => {
  const waiting: (() => void)[] = [];
  const kv = new MemoryKv({ disk: (_batch, run) => waiting.push(run) });
  void kv.batch(put("a"), { sync: true });
  expect(kv.get(Buffer.from("a"))).toBeUndefined();
  waiting.shift()!();
  expect(kv.get(Buffer.from("a"))?.toString()).toBe("a");
  void kv.batch(put("b"), { sync: true });
  expect([...kv.crash().keys()]).toEqual(["a"]);
});

test("an injected fault fails one batch and changes nothing", async () => {
  const kv = new MemoryKv();
  kv.failNextBatch();
  await expect(kv.batch(put("a"), { sync: true })).rejects.toThrow("EIO");
  await kv.batch(put("b"), { sync: true });
  expect(kv.keys().map(String)).toEqual(["b"]);
});
