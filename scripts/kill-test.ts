// Kills every node of a cluster of real processes while strangers' clients work, and checks that nothing acknowledged is lost:
//   node scripts/kill-test.ts [--rounds 1] [--down-ms 3000]
// Per round: every broker in turn, every metadata node in turn, then the controller and the metadata leader together, each with -9 and started again.
// Exit status 1 when anything acknowledged was lost, changed, doubled or reordered, or a committed offset went back.
import { parseArgs } from "node:util";
import { type KillReport, killRun } from "./testing/kill-run.ts";

const { values: flags } = parseArgs({
  options: { rounds: { type: "string", default: "1" }, "down-ms": { type: "string", default: "3000" } },
});
const report: KillReport = await killRun({
  rounds: Number(flags.rounds),
  downMs: Number(flags["down-ms"]),
  log: (line) => console.log(line),
});

const gaps = report.kills
  .filter((kill) => kill.target.startsWith("broker"))
  .map((kill) => kill.librdkafkaGapMs)
  .toSorted((a, b) => a - b);
console.log(
  `acknowledged ${report.acked} (librdkafka) and ${report.ackedKafkajs} (kafkajs); produce gap per broker kill, librdkafka: p50 ${gaps[Math.floor(gaps.length / 2)]} ms, max ${gaps.at(-1)} ms`,
);
for (const violation of report.violations) console.log(`VIOLATION ${violation}`);
console.log(
  report.violations.length === 0 ? "nothing lost, doubled or reordered" : `${report.violations.length} violations`,
);
process.exitCode = report.violations.length === 0 ? 0 : 1;
