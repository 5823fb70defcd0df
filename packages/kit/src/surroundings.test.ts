import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished, test } from "vitest";
import { surroundings } from "./surroundings.ts";
import { eventually } from "./testing/eventually.ts";

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "odradek-surroundings-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("without a word in the environment nothing is spoiled", ({ expect }) => {
  const { clock, files, routes } = surroundings({});
  expect([clock.constructor.name, files.constructor.name, routes.size]).toEqual(["SystemClock", "NodeFiles", 0]);
});

test("the wall clock is wrong by what stands in the file, as long as it stands there; now() never is", async ({
  expect,
}) => {
  const file = join(directory(), "clock");
  const { clock } = surroundings({ ODRADEK_CHAOS_CLOCK_FILE: file });
  const isOffBy = (ms: number): boolean => {
    const beganMs = Date.now();
    const saidMs = clock.wallMs() - ms;
    return beganMs <= saidMs && saidMs <= Date.now();
  };
  expect(isOffBy(0)).toBe(true);
  const before = clock.now();
  writeFileSync(file, "-86400000");
  await eventually("it is a day behind", () => isOffBy(-86_400_000));
  expect(clock.now()).toBeGreaterThanOrEqual(before);
  rmSync(file);
  await eventually("it is right again", () => isOffBy(0));
});

test("L-10: while the disk is full nothing grows; what is there can be read and written over; then all is well again", ({
  expect,
}) => {
  const path = directory();
  const full = join(path, "full");
  const { files } = surroundings({ ODRADEK_CHAOS_DISK_FULL_FILE: full });
  const file = files.open(join(path, "log"), { create: true });
  onTestFinished(() => file.close());
  file.write([Buffer.from("before")], 0);
  writeFileSync(full, "");
  expect(() => file.write([Buffer.from("x")], 6)).toThrow(expect.objectContaining({ code: "ENOSPC" }));
  expect(() => files.open(join(path, "new"), { create: true })).toThrow(expect.objectContaining({ code: "ENOSPC" }));
  expect(() => files.makeDirectory(join(path, "new"))).toThrow(expect.objectContaining({ code: "ENOSPC" }));
  file.write([Buffer.from("B")], 0);
  const read = Buffer.alloc(6);
  file.read(read, 0);
  expect(read.toString()).toBe("Before");
  rmSync(full);
  file.write([Buffer.from("x")], 6);
  expect(file.size()).toBe(7);
});

test("routes name for each address the one to dial instead", ({ expect }) => {
  const { routes } = surroundings({ ODRADEK_CHAOS_ROUTES: "127.0.0.1:2181=127.0.0.1:9,127.0.0.1:2182=127.0.0.1:8" });
  expect([...routes]).toEqual([
    ["127.0.0.1:2181", "127.0.0.1:9"],
    ["127.0.0.1:2182", "127.0.0.1:8"],
  ]);
});
