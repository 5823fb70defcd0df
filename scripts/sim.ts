import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";

import {
  bugNamed,
  catchBug,
  caughtAt,
  ciSeeds,
  seedsFor,
  seedsFrom,
  shrink,
  SimPool,
  type Simulation,
} from "@odradek/kit/simulation";
import { clusterSimulation } from "../packages/broker/src/testing/cluster-sim/cluster-simulation.ts";
import { metadataSimulation } from "../packages/metadata/src/testing/sim-simulation.ts";

const simulations: readonly Simulation[] = [metadataSimulation, clusterSimulation];

const usage = `usage: node scripts/sim.ts ${simulations.map(({ name }) => name).join("|")} [--seeds N] [--from S] [--workers W]
  one simulated world per seed; those that fail are printed, with the faults that are enough
  --only 3,7            of the faults that the seed plans, only these
  --check-determinism   run every seed twice (else every 49th) and compare the traces
  --plant BUG           plant a bug
  --planted             plant every bug in turn, and say where it was caught; with --from the search begins there
  --record              with --planted: remember where (continuous integration begins there)
`;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: "string", default: "100" },
    from: { type: "string" },
    workers: { type: "string", default: String(Math.min(2, availableParallelism())) },
    only: { type: "string" },
    "check-determinism": { type: "boolean", default: false },
    plant: { type: "string" },
    planted: { type: "boolean", default: false },
    record: { type: "boolean", default: false },
  },
});
const count = Number(values.seeds);
const from = Number(values.from ?? "1");
const workers = Number(values.workers);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const simulation = simulations.find(({ name }) => name === positionals[0]);
if (simulation === undefined) {
  process.stderr.write(usage);
  process.exitCode = 2;
} else process.exitCode = values.planted ? await plantAll(simulation) : await simulateAll(simulation);

/** Every seed, and of the first that failed what was enough to make it fail. */
async function simulateAll(simulation: Simulation): Promise<number> {
  const { plant } = values;
  const bug = plant === undefined ? {} : { bug: bugNamed(simulation, plant) };
  await using pool = new SimPool(simulation, { workers, ...bug });
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  const startedMs = performance.now();
  const failed: { seed: number; faults: number }[] = [];
  let [simulatedMs, events, done] = [0, 0, 0];
  const only = values.only?.split(",").map(Number) ?? null;
  // Of every kind of world one in 49: the kinds come round every 40 seeds.
  const tasks = seedsFrom(from, count, values["check-determinism"] ? 1 : 49);
  await pool.run(only ? [{ seed: from, only, twice: false }] : tasks, (result) => {
    done++;
    simulatedMs += result.simulatedMs;
    events += result.events;
    if (result.failure === null) return false;
    failed.push(result);
    say(`SIM=${simulation.name} SEED=${result.seed} COMMIT=${commit} after ${result.events} events: ${result.failure}`);
    return plant !== undefined;
  });
  const seconds = (performance.now() - startedMs) / 1000;
  say(
    `${done} seeds, ${failed.length} failed, ${events} events, ${(simulatedMs / 3_600_000).toFixed(2)} simulated hours`,
  );
  say(`in ${seconds.toFixed(0)} s: ${(simulatedMs / 1000 / seconds).toFixed(0)} simulated seconds per second`);
  for (const { seed, faults } of only ? [] : failed.slice(0, 3)) {
    const enough = await shrink(pool, seed, faults);
    say(
      `npm run sim -- ${simulation.name} --from ${seed} --seeds 1 --only ${enough?.join(",")}  # of ${faults} faults`,
    );
  }
  return failed.length > 0 && plant === undefined ? 1 : 0;
}

/** The table of planted bugs; 1 when one of them survives. */
async function plantAll(simulation: Simulation): Promise<number> {
  const caught = new Map(values.plant === undefined ? [] : caughtAt(simulation));
  const names = values.plant === undefined ? simulation.bugs.map(({ name }) => name) : [values.plant];
  const survivors: string[] = [];
  say("| bug | id | what | without | caught at seed | seeds tried | seconds |\n|---|---|---|---|---|---|---|");
  const work = async (): Promise<void> => {
    for (let name = names.shift(); name !== undefined; name = names.shift()) {
      const seeds = values.from === undefined ? ciSeeds(simulation, name) : seedsFor(simulation, name, from, count);
      const { bug, seed, tried, seconds } = await catchBug(simulation, name, seeds);
      if (seed === null) survivors.push(name);
      else caught.set(name, seed);
      say(
        `| ${name} | ${bug.id} | ${bug.what} | ${bug.without ?? ""} | ${seed ?? "SURVIVED"} | ${tried} | ${seconds.toFixed(1)} |`,
      );
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  say(`${caught.size} caught, ${survivors.length} survived${survivors.length > 0 ? `: ${survivors.join(", ")}` : ""}`);
  if (values.record) writeFileSync(simulation.caught, lines(simulation, caught));
  return survivors.length > 0 ? 1 : 0;
}

function lines({ bugs }: Simulation, caught: ReadonlyMap<string, number>): string {
  const known = bugs.filter(({ name }) => caught.has(name));
  return known.map(({ name }) => `${name} ${caught.get(name)}\n`).join("");
}
