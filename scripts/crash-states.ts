// Crash states of a broker's disk: `node scripts/crash-states.ts [--seeds 20] [--from 1] [--steps 60] [--keep DIR]`.
// A seeded workload over a data directory; before each operation of the disk, killed processes and losses of power are recovered from and judged. --keep: instead, one loss of power per
// seed is recovered from and the data directory is written to DIR/SEED, for other readers of Kafka's files.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { crashEverywhere, recoveredFiles } from "../packages/broker/src/testing/crash-states.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "20" },
    from: { type: "string", default: "1" },
    steps: { type: "string", default: "60" },
    keep: { type: "string" },
  },
});
const [from, seeds] = [Number(values.from), Number(values.seeds)];
const startedMs = performance.now();
let [states, operations, failed] = [0, 0, 0];
for (let seed = from; seed < from + seeds; seed++) {
  if (values.keep !== undefined) {
    for (const [name, bytes] of await recoveredFiles(seed, Number(values.steps))) {
      const path = join(values.keep, String(seed), name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, bytes);
    }
    continue;
  }
  const run = await crashEverywhere(seed, Number(values.steps));
  states += run.states;
  operations += run.operations;
  failed += run.failures.length;
  for (const failure of run.failures.slice(0, 3)) console.log(failure);
}
const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
console.log(`${seeds} seeds, ${operations} operations, ${states} crash states, ${failed} illegal, ${seconds} s`);
process.exitCode = failed > 0 ? 1 : 0;
