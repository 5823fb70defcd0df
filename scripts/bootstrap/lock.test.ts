import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";

const lockModule = new URL("./lock.js", import.meta.url).href;
const versionsModule = new URL("./versions.js", import.meta.url).href;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "odradek-lock-test-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A process that takes the lock, runs `work`, and gives it back. */
function holder(work: string) {
  const program = `
    import { withLock } from ${JSON.stringify(lockModule)};
    import { appendFileSync } from "node:fs";
    const write = (line) => appendFileSync(${JSON.stringify(join(folder, "trace"))}, process.pid + " " + line + "\\n");
    await withLock(${JSON.stringify(join(folder, "lock"))}, () => {}, async () => { ${work} });
  `;
  return spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "pipe", "inherit"] });
}

it("lets processes in one at a time", async () => {
  const work = 'write("in"); await new Promise((r) => setTimeout(r, 20)); write("out");';
  const holders = Array.from({ length: 8 }, () => holder(work));
  const codes = await Promise.all(holders.map(async (child) => (await once(child, "exit"))[0] as number));
  expect(codes).toEqual(Array.from({ length: 8 }, () => 0));
  const trace = readFileSync(join(folder, "trace"), "utf8").trim().split("\n");
  expect(trace).toHaveLength(16);
  for (let at = 0; at < trace.length; at += 2) {
    const [pid] = trace[at]!.split(" ");
    expect(trace.slice(at, at + 2)).toEqual([`${pid} in`, `${pid} out`]);
  }
});

it("takes the lock of a process that was killed, and only one of those who wait gets it", async () => {
  const dead = holder('write("in"); console.log("held"); await new Promise((r) => setTimeout(r, 60_000));');
  await once(dead.stdout, "data");
  const work = 'write("in"); await new Promise((r) => setTimeout(r, 20)); write("out");';
  const waiting = Array.from({ length: 4 }, () => holder(work));
  dead.kill("SIGKILL");
  const codes = await Promise.all(waiting.map(async (child) => (await once(child, "exit"))[0] as number));
  expect(codes).toEqual([0, 0, 0, 0]);
  const steps = readFileSync(join(folder, "trace"), "utf8").trim().split("\n");
  expect(steps.map((line) => line.split(" ")[1])).toEqual([
    "in",
    ...Array.from({ length: 4 }, () => ["in", "out"]).flat(),
  ]);
  expect(readdirSync(join(folder, "lock")).filter((name) => !name.startsWith("released-"))).toEqual([]);
});

it.for([
  ["20.20.2", false],
  ["24.11.1", false],
  ["24.12.0", true],
  ["25.1.0", false],
  ["25.2.0", true],
  ["26.10.0", true],
  ["27.0.0", false],
] as const)("knows whether Node %s runs TypeScript as it is: %s", async ([version, runs]) => {
  const { runsTypeScript } = (await import(versionsModule)) as { runsTypeScript(version: string): boolean };
  expect(runsTypeScript(version)).toBe(runs);
});
