import { parseArgs } from "node:util";

import { simulate } from "../packages/metadata/src/testing/sim.ts";

/** node scripts/sim.ts metadata --seeds 1000 --from 1 [--plant voteNoPersist]: simulates one world per seed, prints those that fail. */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: "string", default: "100" },
    from: { type: "string", default: "1" },
    plant: { type: "string" },
  },
});
if (positionals[0] !== "metadata")
  throw new Error("usage: node scripts/sim.ts metadata --seeds N --from S [--plant BUG]");

const from = Number(values.from);
const startedMs = performance.now();
let failures = 0;
let simulatedMs = 0;
for (let seed = from; seed < from + Number(values.seeds); seed++) {
  const result = await simulate(seed, values.plant === undefined ? {} : { [values.plant]: true });
  simulatedMs += result.simulatedMs;
  if (result.failure === null) continue;
  failures++;
  process.stdout.write(`SIM=metadata SEED=${seed} after ${result.events} events: ${result.failure}\n`);
  if (values.plant !== undefined) break;
}
const seconds = (performance.now() - startedMs) / 1000;
process.stdout.write(
  `${values.seeds} seeds, ${failures} failed, ${(simulatedMs / 1000 / seconds).toFixed(0)} simulated seconds per second\n`,
);
process.exitCode = failures > 0 && values.plant === undefined ? 1 : 0;
