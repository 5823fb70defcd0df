import { describe, expect, test } from "vitest";
import { MemoryFiles } from "./memory-files.ts";

async function written(seed: number): Promise<MemoryFiles> {
  const files = new MemoryFiles(seed);
  files.makeDirectory("/d");
  await files.syncDirectory("/");
  const file = files.open("/d/a", { create: true });
  file.write([Buffer.from("safe")], 0);
  await file.sync();
  await files.syncDirectory("/d");
  for (let at = 4; at < 12; at += 2) file.write([Buffer.from("xy")], at);
  files.open("/d/b", { create: true }).close();
  return files;
}

describe("memory files", () => {
  test("power loss keeps what was synced and any part of the rest, torn writes included", async () => {
    const seen = new Set<string>();
    const names = new Set<string>();
    for (let seed = 1; seed <= 200; seed++) {
      const files = await written(seed);
      files.crash();
      const bytes = files.readAll("/d/a");
      expect(bytes?.subarray(0, 4).toString()).toBe("safe");
      seen.add(String(bytes));
      names.add(files.list("/d").join());
    }
    expect(seen).toContain("safe");
    expect(seen).toContain("safexyxyxyxy");
    expect(seen).toContain("safexyx");
    expect([...seen].some((bytes) => bytes.includes("\0"))).toBe(true);
    expect(names).toEqual(new Set(["a", "a,b"]));
  });

  test("a copy has the same past and its own future", async () => {
    const files = await written(1);
    const [kept, lost] = [files.copy(1), files.copy(1)];
    files.open("/d/a").write([Buffer.from("else")], 0);
    kept.kill();
    expect([String(kept.readAll("/d/a")), kept.list("/d")]).toEqual(["safexyxyxyxy", ["a", "b"]]);
    files.crash();
    lost.crash();
    expect(String(lost.readAll("/d/a"))).toMatch(/^safe/);
    const seen = new Set<string>();
    for (let seed = 1; seed <= 50; seed++) {
      const copy = kept.copy(seed);
      copy.crash();
      seen.add(String(copy.readAll("/d/a")));
    }
    expect(seen.size).toBeGreaterThan(5);
  });

  test("the same seed crashes the same way", async () => {
    const [one, two] = [await written(7), await written(7)];
    one.crash();
    two.crash();
    expect(one.readAll("/d/a")).toEqual(two.readAll("/d/a"));
  });

  test("a killed process leaves all it wrote and no open file", async () => {
    const files = await written(1);
    const file = files.open("/d/a");
    files.kill();
    expect(files.readAll("/d/a")?.toString()).toBe("safexyxyxyxy");
    expect(() => file.size()).toThrow("/d/a");
  });

  test("bytes written after a sync began are not synced by it", async () => {
    const outcomes = new Set<string>();
    for (let seed = 1; seed <= 40; seed++) {
      const files = await written(seed);
      const file = files.open("/d/a");
      const syncing = file.sync();
      file.write([Buffer.from("late")], 12);
      await syncing;
      files.crash();
      outcomes.add(String(files.readAll("/d/a")).slice(0, 16));
    }
    expect([...outcomes].every((bytes) => bytes.startsWith("safexyxyxyxy"))).toBe(true);
    expect(outcomes).toContain("safexyxyxyxy");
    expect(outcomes).toContain("safexyxyxyxylate");
  });

  test("injects failing and short writes, failing syncs and a full disk", async () => {
    const files = await written(1);
    const file = files.open("/d/b");
    files.failNextWrite({ path: "/d/b", bytesWritten: 2 });
    expect(() => file.write([Buffer.from("abcd")], 0)).toThrow(expect.objectContaining({ code: "EIO", path: "/d/b" }));
    expect(file.size()).toBe(2);
    files.failNextSync();
    await expect(file.sync()).rejects.toMatchObject({ code: "EIO" });
    files.limitTo(16);
    expect(() => file.write([Buffer.from("abcd")], 2)).toThrow(expect.objectContaining({ code: "ENOSPC" }));
    expect(file.size()).toBe(4);
    file.write([Buffer.from("AB")], 0);
    expect(await files.freeBytes("/d")).toBe(0);
    files.limitTo(20);
    expect(await files.freeBytes("/d")).toBe(4);
  });
});
