import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { crashEverywhere, recoveredFiles } from "../packages/broker/src/testing/crash-states.ts";
import { count, readOptions, text } from "./options.ts";

const usage = `usage: node scripts/bootstrap/run.js scripts/crash-states.ts [--seeds N] [--from S] [--steps N] [--keep DIRECTORY]
  Crash states of a broker's disk: a seeded workload over a data directory; before each operation of the disk, killed processes and
  losses of power are recovered from and judged. A seed of 60 steps takes 6 to 23 s of one core, all 20 about 5 min (a busy machine takes
  five times as long); stderr says every 10 s how far it is.
  --seeds N          how many seeds (20)
  --from S           the first of them (1)
  --steps N          of each workload (60)
  --keep DIRECTORY   instead: one loss of power per seed is recovered from, and the data directory is written to DIRECTORY/SEED, for
                     other readers of Kafka's files
`;

const TELL_SECONDS = 10;

const { options } = readOptions({
  usage,
  options: { seeds: count(20), from: count(1), steps: count(60), keep: text(null) },
});
const { from, steps, keep } = options;
const seeds = Array.from({ length: options.seeds }, (_, at) => from + at);
process.exitCode = keep === null ? await judgeAll() : await keepAll(keep);

async function judgeAll(): Promise<number> {
  const startedMs = performance.now();
  const secondsSince = (ms: number): number => (performance.now() - ms) / 1000;
  let toldMs = startedMs;
  let [states, operations, failed] = [0, 0, 0];
  for (const seed of seeds) {
    const run = await crashEverywhere(seed, steps, ({ operations: all, states: judged }, done) => {
      if (secondsSince(toldMs) < TELL_SECONDS) return;
      toldMs = performance.now();
      const seconds = secondsSince(startedMs).toFixed(0);
      process.stderr.write(`${seconds} s: seed ${seed}, ${done} of ${all} operations, ${judged} crash states\n`);
    });
    states += run.states;
    operations += run.operations;
    failed += run.failures.length;
    for (const failure of run.failures.slice(0, 3)) console.log(failure);
  }
  const seconds = secondsSince(startedMs).toFixed(0);
  console.log(
    `${seeds.length} seeds, ${operations} operations, ${states} crash states, ${failed} illegal, ${seconds} s`,
  );
  return failed > 0 ? 1 : 0;
}

async function keepAll(directory: string): Promise<number> {
  for (const seed of seeds)
    for (const [name, bytes] of await recoveredFiles(seed, steps)) {
      const path = join(directory, String(seed), name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, bytes);
    }
  return 0;
}
