// Kills every node of a cluster of real processes while strangers' clients work, and checks that nothing acknowledged is lost:
//   node scripts/kill-test.ts [--rounds 1] [--down-ms 3000] [--only broker-1] [--keep]
// Per round: every broker in turn, every metadata node in turn, then the controller and the metadata leader together, each with -9 and started again.
// --only: a regular expression of names. --keep: data, logs and events stay, in a directory whose path is printed (scripts/kill-timeline.ts reads it).
// Exit status 1 when anything acknowledged was lost, changed, doubled or reordered, or a committed offset went back.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type KillReport, killRun } from "./testing/kill-run.ts";

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "1" },
    "down-ms": { type: "string", default: "3000" },
    only: { type: "string", default: "" },
    keep: { type: "boolean", default: false },
  },
});
const keep = flags.keep ? mkdtempSync(join(tmpdir(), "odradek-kill-")) : null;
if (keep) console.log(`data, logs and events stay in ${keep}`);
const report: KillReport = await killRun({
  rounds: Number(flags.rounds),
  downMs: Number(flags["down-ms"]),
  only: new RegExp(flags.only),
  ...(keep ? { keep } : {}),
  log: (line) => console.log(line),
});

const median = (sorted: readonly number[]): number => sorted[Math.floor((sorted.length - 1) / 2)]!;
function tell(name: string, targets: RegExp): void {
  const gaps = report.kills
    .filter((kill) => targets.test(kill.target))
    .map((kill) => kill.librdkafkaGapMs)
    .toSorted((a, b) => a - b);
  if (gaps.length > 0)
    console.log(
      `${name.padEnd(32)} p50 ${median(gaps)} ms, max ${gaps.at(-1)} ms of ${gaps.length}: ${gaps.join(" ")}`,
    );
}
console.log(
  `acknowledged ${report.acked} (librdkafka) and ${report.ackedKafkajs} (kafkajs); produce gaps, librdkafka:`,
);
tell("any broker", /^broker/);
tell("any metadata node", /^metadata/);
tell("controller and metadata leader", /^controller/);
tell("all kinds", /./);
for (const violation of report.violations) console.log(`VIOLATION ${violation}`);
console.log(
  report.violations.length === 0 ? "nothing lost, doubled or reordered" : `${report.violations.length} violations`,
);
process.exitCode = report.violations.length === 0 ? 0 : 1;
