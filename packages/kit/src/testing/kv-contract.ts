import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { Kv, KvRange, KvWrite } from "../kv.ts";

const put = (key: string, value: string): KvWrite => ({ is: "put", key: Buffer.from(key), value: Buffer.from(value) });
const remove = (key: string): KvWrite => ({ is: "delete", key: Buffer.from(key) });

/** What every implementation of the port `Kv` keeps. `open` gives an empty store and, called again after close, the same one. */
export function kvContract(name: string, make: () => { open: () => Promise<Kv>; dispose?: () => void }): void {
  describe(`kv: ${name}`, () => {
    let made: ReturnType<typeof make>;
    let kv: Kv;
    beforeEach(async () => {
      made = make();
      kv = await made.open();
    });
    afterEach(async () => {
      await kv.close();
      made.dispose?.();
    });
    const text = (key: string): string | undefined => kv.get(Buffer.from(key))?.toString();
    const rows = async (
      range: Omit<KvRange, "from" | "below"> & { from: string; below: string },
    ): Promise<string[]> => {
      const found: string[] = [];
      const bounds = { ...range, from: Buffer.from(range.from), below: Buffer.from(range.below) };
      for await (const [key, value] of kv.range(bounds)) found.push(`${key.toString()}=${value.toString()}`);
      return found;
    };

    test("a batch is visible once it is done, later writes win", async () => {
      await kv.batch([put("a", "1"), put("b", "2"), put("a", "3"), remove("b")], { sync: true });
      expect(text("a")).toBe("3");
      expect(text("b")).toBeUndefined();
    });

    test("an empty value is a value, an empty batch is a batch", async () => {
      await kv.batch([put("a", "")], { sync: false });
      await kv.batch([], { sync: true });
      expect(text("a")).toBe("");
    });

    test("removing what is not there does nothing", async () => {
      await kv.batch([remove("a")], { sync: true });
      expect(text("a")).toBeUndefined();
    });

    test("batches given without waiting are done in their order", async () => {
      const batches = Array.from({ length: 50 }, (_, index) =>
        kv.batch([put("a", String(index)), put(`k${index}`, "")], { sync: index % 7 === 0 }),
      );
      await Promise.all(batches);
      expect(text("a")).toBe("49");
      expect(text("k0")).toBe("");
    });

    test("a range has its first key and not its last, either way, up to a limit", async () => {
      await kv.batch(
        ["a", "b", "c", "d"].map((key) => put(key, key.toUpperCase())),
        { sync: true },
      );
      expect(await rows({ from: "b", below: "d" })).toEqual(["b=B", "c=C"]);
      expect(await rows({ from: "a", below: "e", reverse: true })).toEqual(["d=D", "c=C", "b=B", "a=A"]);
      expect(await rows({ from: "a", below: "e", limit: 2 })).toEqual(["a=A", "b=B"]);
      expect(await rows({ from: "a", below: "e", limit: 2, reverse: true })).toEqual(["d=D", "c=C"]);
      expect(await rows({ from: "x", below: "y" })).toEqual([]);
    });

    test("keys compare as unsigned bytes, a prefix first", async () => {
      const keys = [[0x7f], [0x80], [0xff], [0x00], [0x00, 0x00], [0x7f, 0xff], [0x01]].map((key) => Buffer.from(key));
      await kv.batch(
        keys.map((key) => ({ is: "put", key, value: key })),
        { sync: true },
      );
      const found: string[] = [];
      for await (const [key] of kv.range({ from: Buffer.alloc(0), below: Buffer.from([0xff, 0xff]) }))
        found.push(key.toString("hex"));
      expect(found).toEqual(["00", "0000", "01", "7f", "7fff", "80", "ff"]);
    });

    test("a range stays as it was when it began", async () => {
      await kv.batch(
        ["a", "b", "c"].map((key) => put(key, "old")),
        { sync: true },
      );
      const found: string[] = [];
      const range = kv.range({ from: Buffer.from("a"), below: Buffer.from("z") });
      for await (const [key, value] of range) {
        if (found.length === 0) await kv.batch([put("b", "new"), remove("c"), put("d", "new")], { sync: true });
        found.push(`${key.toString()}=${value.toString()}`);
      }
      expect(found).toEqual(["a=old", "b=old", "c=old"]);
    });

    test("thousands of rows come in order", async () => {
      const keys = Array.from({ length: 5000 }, (_, index) => String((index * 7919) % 5000).padStart(5, "0"));
      await kv.batch(
        keys.map((key) => put(key, key)),
        { sync: true },
      );
      expect(await rows({ from: "0", below: "9" })).toEqual(keys.toSorted().map((key) => `${key}=${key}`));
    });

    test("what was synced is there after opening again", async () => {
      await kv.batch([put("a", "1"), put("b", "2")], { sync: true });
      await kv.close();
      kv = await made.open();
      expect(await rows({ from: "a", below: "z" })).toEqual(["a=1", "b=2"]);
    });

    test("a closed store refuses batches", async () => {
      await kv.close();
      await expect(kv.batch([put("a", "1")], { sync: true })).rejects.toThrow();
    });
  });
}
