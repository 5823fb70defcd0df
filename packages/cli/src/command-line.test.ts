import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { CommandRun } from "./testing/command.ts";

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "odradek-command-test-"));
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

// Nothing listens on port 1 of a test machine.
const nowhere = { ODRADEK_BROKERS: "127.0.0.1:1", ODRADEK_META: "127.0.0.1:1" };
const run = (words: string) => new CommandRun(words.split(" "), { cwd, env: nowhere }).ended;

it.for([
  ["topics", 4],
  ["topics ls --timeout 2s -o json", 4],
  ["status", 4],
  ["status --timeout 2s", 4],
  ["status --wait --timeout 1s", 6],
  ["meta get / --timeout 1s", 4],
  ["kill broker 1", 4],
  ["tpics", 2],
  ["tpics --help", 2],
  ["constructor", 2],
  ["topics frobnicate", 2],
  ["topics create", 2],
  ["topics ls -o yaml", 2],
  ["kill broker", 2],
  ["kill brokr 1", 2],
  ["topics ls --timeout soon", 2],
  ["topics ls --timeout 0", 2],
  ["topics ls --timeout -1s", 2],
  ["meta status --timeout 0", 2],
  ["meta members --timeout 0ms", 2],
  ["meta status --timeout -1s", 2],
  ["status --timeout 0", 2],
  ["meta get / --meta foo", 2],
  ["meta rm / -r", 2],
  ["dev --brokers 0", 2],
  ["dev --brokers", 2],
  ["dev --brokers 1 --brokers 2", 2],
  ["dev --metadata 2", 2],
  ["dev --port 0", 2],
  ["dev --port 70000", 2],
  ["dev --port 55534", 2],
  ["dev --port 8079", 2],
  ["dev --port 9092 --any-port", 2],
  ["topics create words -p 2147483648", 2],
  ["topics create words -p 0", 2],
  ["topics create words -r 40000", 2],
  ["topics alter words -p 1.5", 2],
  ["produce words -p -1 hello", 2],
  ["consume words -n 0", 2],
  ["consume words -p one", 2],
  ["consume words -o 9223372036854775808", 2],
  ["kill broker one", 2],
  ["meta watch / --from-rev -1", 2],
  ["meta compact --rev 0", 2],
  ["meta tree / -d few", 2],
  ["meta get a/b", 2],
  ["meta create /a//b", 2],
  ["meta rm /a/", 2],
  ["meta", 2],
  ["consume words -o first", 2],
  ["topics delete words", 2],
  ["--version", 0],
  ["--help", 0],
  ["topic --help", 0],
  ["topics --help", 0],
] as const)("`odradek %s` exits with %d, and stdout has only data", async ([words, exitCode]) => {
  const { code, stdout, stderr } = await run(words);
  expect(code, stderr).toBe(exitCode);
  if (exitCode === 0) return;
  expect(stdout).toBe("");
  expect(stderr).toMatch(/^odradek: \S/);
});

it.for([
  ["meta status --timeout -1s", "not a duration: -1s"],
  ["frobnicate --help", "unknown command: frobnicate"],
  ["dev --set node.id=4", "--set node.id: `dev` gives each node its own"],
  ["dev --ephemeral --set log.dirs=/tmp/a", "--ephemeral keeps nothing"],
  ["meta status --timeout 0", "0 is no time to wait"],
  ["meta rm / -r", "/ cannot be deleted"],
  [`meta create -p ${"/a".repeat(600)}`, "a path of 600 levels is too long: at most 32"],
  ["dev --port 70000", "--port takes one whole number from 1 to 65535"],
  ["dev --port 55534", "--port takes 1 to 55533 with 3 brokers"],
  ["dev --port 8079", "http of broker 1 and kafka of broker 2 want port 8080"],
  ["dev --any-port --set nonsense", "--set: Invalid setting nonsense: expected NAME=VALUE"],
  ["dev --any-port --set non.sense=1", "--set: Unknown setting non.sense"],
  ["dev --any-port --set log.retention.ms=abc", "--set: Invalid value abc for configuration log.retention.ms"],
  ["topics create words -p 2147483648", "--partitions takes one whole number from 1 to 2147483647"],
] as const)("`odradek %s` says what would be right: %s", async ([words, hint]) => {
  const { code, stderr } = await run(words);
  expect(code).toBe(2);
  expect(stderr).toContain(hint);
});

it("says so when it falls back to Kafka's own port, where somebody else's cluster may be", async () => {
  const env = { ODRADEK_BROKERS: "", ODRADEK_META: "" };
  const { stderr } = await new CommandRun(["topics", "--timeout", "1ms"], { cwd, env }).ended;
  expect(stderr).toContain("no cluster of `odradek dev` runs here and none is named: taking localhost:9092");
});

it("suggests the command that was meant", async () => {
  expect((await run("toipcs")).stderr).toContain("Did you mean topics?");
});

it.for([
  "topics --timeout 1s",
  "produce words hello --timeout 1s",
  "consume words --timeout 1s",
  "meta set /a b --timeout 1s",
])("`odradek %s` names the hop that failed", async (words) => {
  const { code, stderr } = await run(words);
  expect(code).toBe(4);
  expect(stderr).toMatch(/127\.0\.0\.1:1\b.*ECONNREFUSED/);
});

it("ends quietly when its reader has seen enough", async () => {
  const main = fileURLToPath(new URL("main.ts", import.meta.url));
  const child = spawn(process.execPath, [main, "--help"], { stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.destroy();
  const stderr = child.stderr.toArray();
  const [code] = (await once(child, "exit")) as [number];
  expect(code).toBe(0);
  expect(Buffer.concat((await stderr) as Buffer[]).toString()).toBe("");
});

it("dump-log: a whole file is shown; a damaged one is named with the position and makes the exit code 1", async () => {
  const path = join(cwd, "leader-epoch-checkpoint");
  writeFileSync(path, "0\n2\n0 0\n3 17\n");
  const whole = await run(`dump-log ${path} -o json`);
  expect(whole.code).toBe(0);
  expect(
    whole.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as object),
  ).toEqual([
    { file: path, epoch: 0, startOffset: 0 },
    { file: path, epoch: 3, startOffset: 17 },
  ]);
  writeFileSync(path, "0\n2\n3 17\n0 0\n");
  const damaged = await run(`dump-log ${path}`);
  expect(damaged.code).toBe(1);
  expect(damaged.stderr).toContain("damaged at 4");
  expect((await run(`dump-log ${cwd}/none.log`)).code).toBe(3);
});

it("dump-log: offsets between two segments are told, and are no damage", async () => {
  const [first, later] = [0, 7].map((start) => join(cwd, `${String(start).padStart(20, "0")}.log`)) as [string, string];
  for (const path of [first, later]) writeFileSync(path, "");
  const { code, stderr, stdout } = await run(`dump-log ${first} ${later} -o json`);
  expect(code).toBe(0);
  expect(stderr).toContain("offsets 0 to 6 lie in no file before it");
  expect(JSON.parse(stdout)).toEqual({ file: later, gap: { from: 0, to: 6 } });
});
