import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { quantile } from "@odradek/kit";
import { count, flag, pattern, readOptions, whole } from "./options.ts";
import { type KillReport, killRun } from "./testing/kill-run.ts";

const usage = `usage: npm run kill-test -- [--rounds N] [--down-ms N] [--only NAME] [--keep]
  Kills every node of a cluster of real processes while strangers' clients work, and checks that nothing acknowledged is lost. Per round:
  every broker in turn, every metadata node in turn, then the controller and the metadata leader together, each with -9 and started again.
  Exit code 1 when anything acknowledged was lost, changed, doubled or reordered, or a committed offset went back.
  --rounds N     how many (1)
  --down-ms N    from a kill to the next start (3000)
  --only NAME    only names that this regular expression finds, such as broker-1
  --keep         data, logs and events stay, in a directory whose path is printed (scripts/kill-timeline.ts reads it)
`;

const { options: flags } = readOptions({
  usage,
  options: { rounds: count(1), "down-ms": whole({ min: 0, max: 2 ** 31 - 1 }, 3000), only: pattern(/./), keep: flag() },
});
const keep = flags.keep ? mkdtempSync(join(tmpdir(), "odradek-kill-")) : null;
if (keep) console.log(`data, logs and events stay in ${keep}`);
const report: KillReport = await killRun({
  rounds: flags.rounds,
  downMs: flags["down-ms"],
  only: flags.only,
  ...(keep ? { keep } : {}),
  log: (line) => console.log(line),
});

function tell(name: string, targets: RegExp): void {
  const gaps = report.kills
    .filter((kill) => targets.test(kill.target))
    .map((kill) => kill.librdkafkaGapMs)
    .toSorted((a, b) => a - b);
  if (gaps.length > 0)
    console.log(
      `${name.padEnd(32)} p50 ${quantile(gaps, 0.5)} ms, max ${gaps.at(-1)} ms of ${gaps.length}: ${gaps.join(" ")}`,
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
const found = report.violations.length;
const wasQuiet = report.kills.length === 0;
if (wasQuiet) console.error(`nothing was killed: no name is found by --only ${flags.only.source}`);
else console.log(found === 0 ? "nothing lost, doubled or reordered" : `${found} violations`);
process.exitCode = wasQuiet ? 2 : found === 0 ? 0 : 1;
