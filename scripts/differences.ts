import { addressOption } from "./bench/address.ts";
import { cases } from "./differences/cases.ts";
import { titleOf } from "./differences/known.ts";
import { type Found, run } from "./differences/run.ts";
import { System } from "./differences/system.ts";
import { flag, orEnd, pattern, readOptions, UsageError } from "./options.ts";
import { LocalCluster } from "./testing/local-cluster.ts";

const usage = `usage: node scripts/bootstrap/run.js scripts/differences.ts --vs HOST:PORT [--ours HOST:PORT] [--only NAME] [--ends] [--known]
  Asks a cluster of ours and another Kafka the same, at every version that both serve, and prints where the answers differ. The other one needs
  brokers 1, 2 and 3; topics and groups are made and deleted there. Exit code 1: something differs that docs/differences.md does not name.
  --vs HOST:PORT     the other Kafka
  --ours HOST:PORT   a cluster that runs already, with brokers 1, 2 and 3; otherwise one is started, and stopped in the end
  --only NAME        only cases whose names this regular expression finds, such as '^Produce'
  --ends             only the first and the last version of each API
  --known            print what is known, too
`;
const commandLine = {
  usage,
  options: { vs: addressOption, ours: addressOption, only: pattern(/./), ends: flag(), known: flag() },
};
const { options: flags } = readOptions(commandLine);
const bootstrap = orEnd(commandLine, () => {
  if (flags.vs === null) throw new UsageError("--vs is missing: whom to compare with");
  return flags.vs;
});

const theirs = await System.open(bootstrap);
await using cluster = flags.ours === null ? await LocalCluster.start(shape()) : null;
const ours = await System.open(flags.ours ?? addressOption.read(cluster!.bootstrap.split(",")[0]!)!);
const startedMs = Date.now();
const report = await run({
  ours,
  theirs,
  cases: cases.filter(({ name }) => flags.only.test(name)),
  prefix: `differences-${startedMs.toString(36)}`,
  onlyEnds: flags.ends,
  log: (line) => process.stderr.write(`${line}\n`),
});
let unknown = 0;
for (const found of report.found) {
  const title = titleOf(found);
  if (title === null) unknown++;
  if (title === null || flags.known) console.log(line(found, title));
}
for (const failure of report.failed) console.log(`FAILED ${failure}`);
const seconds = Math.round((Date.now() - startedMs) / 1000);
console.log(
  `${report.answers} answers compared in ${seconds} s: ${report.found.length} differences, ${unknown} of them not in docs/differences.md; ` +
    `${report.failed.length} stories failed`,
);
process.exitCode = unknown + report.failed.length > 0 ? 1 : 0;

/** As an Apache Kafka without settings. */
function shape() {
  const settings = { "min.insync.replicas": "1", "default.replication.factor": "3" };
  return { brokers: 3, metadata: 1, settings };
}

function line(found: Found, title: string | null): string {
  const { versions } = found;
  const at = versions.length === 1 ? `${versions[0]}` : `${versions[0]}-${versions.at(-1)} (${versions.length})`;
  const known = title === null ? "" : `  [${title}]`;
  return `${found.case} | ${found.label} | v${at} | ${found.path}: ours ${found.ours}, theirs ${found.theirs}${known}`;
}
