import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { count, directory as existing, pattern, readOptions, whole } from "./options.ts";

const usage = `usage: node scripts/bootstrap/run.js scripts/kill-timeline.ts DIRECTORY [--only NAME] [--gap-ms N] [--until-ms N]
  Tells what happened around each kill of a kept run (scripts/kill-test.ts --keep), in milliseconds since the kill: one line per event of
  any node; events of one kind of one node in one millisecond count together. Roles of partitions are told when it ran with LOG_LEVEL=debug.
  --only NAME    only kills of names that this regular expression finds, such as broker-1
  --gap-ms N     shorter silences of a partition are left out (600)
  --until-ms N   how long after each kill (5000)
`;

const { word: directory, options: flags } = readOptions({
  usage,
  word: existing(""),
  options: { only: pattern(/./), "gap-ms": whole({ min: 0 }, 600), "until-ms": count(5000) },
});
const untilMs = flags["until-ms"];

type Line = { atMs: number; node: string; text: string };
type Noted = { is: "killed" | "restarted" | "ack"; atMs: number; target: string; partition: number };

const lines = readdirSync(directory)
  .filter((name) => name.endsWith(".log"))
  .flatMap((name) => linesOf(name));
const noted = parsed<Noted>("events.jsonl");

for (const [place, kill] of noted.entries()) {
  if (kill.is !== "killed" || !flags.only.test(kill.target)) continue;
  const restartMs = noted.slice(place).find((one) => one.is === "restarted")?.atMs ?? Infinity;
  console.log(`\n== ${kill.target}, started again after ${restartMs - kill.atMs} ms`);
  const events = [...lines, ...gapsAround(kill.atMs)].filter(
    ({ atMs }) => atMs >= kill.atMs - 20 && atMs <= kill.atMs + untilMs,
  );
  const times = new Map<string, number>();
  for (const { atMs, node, text } of events.toSorted((one, other) => one.atMs - other.atMs)) {
    const line = `${String(atMs - kill.atMs).padStart(6)}  ${node.padEnd(12)} ${text}`;
    times.set(line, (times.get(line) ?? 0) + 1);
  }
  for (const [line, count] of times) console.log(count > 1 ? `${line}  (${count} times)` : line);
}

function parsed<T>(name: string): T[] {
  return readFileSync(join(directory, name), "utf8")
    .split("\n")
    .filter((text) => text.startsWith("{") && text.endsWith("}"))
    .map((text) => JSON.parse(text) as T);
}

function linesOf(file: string): Line[] {
  type Logged = { time: number; evt?: string; msg: string; role?: { is?: string }; [field: string]: unknown };
  return parsed<Logged>(file).map(({ time, evt, msg, role, ...rest }) => {
    for (const field of ["level", "brokerId", "session", "incarnation", "err", "partition", "end", "pid"])
      delete rest[field];
    const more = evt === "role" ? `to ${role?.is}` : JSON.stringify(rest);
    return { atMs: time, node: file.replace(".log", ""), text: `${evt ?? msg} ${more}` };
  });
}

/** The last acknowledgement before and the first one after each long silence of a partition. */
function gapsAround(killedMs: number): Line[] {
  const last = new Map<number, number>();
  const found: Line[] = [];
  for (const { is, atMs, partition } of noted.toSorted((one, other) => one.atMs - other.atMs)) {
    if (is !== "ack") continue;
    const before = last.get(partition) ?? atMs;
    last.set(partition, atMs);
    if (atMs - before < flags["gap-ms"] || atMs < killedMs || before > killedMs + untilMs) continue;
    found.push({ atMs: before, node: "producer", text: `last acknowledgement of ${partition}` });
    found.push({ atMs, node: "producer", text: `first acknowledgement of ${partition} after ${atMs - before} ms` });
  }
  return found;
}
