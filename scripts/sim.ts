import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";

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
import { count, flag, oneOf, orEnd, readOptions, text, valueOf, whole, wholes } from "./options.ts";

const simulations: readonly Simulation[] = [metadataSimulation, clusterSimulation];

const usage = `usage: npm run sim -- ${simulations.map(({ name }) => name).join("|")} [--seeds N] [--from S] [--workers W]
  one simulated world per seed; those that fail are printed, with the faults that are enough
  --only 3,7            of the faults that the seed plans, only these
  --check-determinism   run every seed twice (else every 49th) and compare the traces
  --plant BUG           plant a bug
  --planted             plant every bug in turn, and say where it was caught; with --from the search begins there
  --record              with --planted: remember where (continuous integration begins there)
`;

/** Each worker is a thread with a world of its own. */
const workersMax = 64;

const commandLine = {
  usage,
  word: oneOf(
    simulations.map(({ name }) => name),
    "",
  ),
  options: {
    seeds: count(100),
    from: count(null),
    workers: whole({ min: 1, max: workersMax }, Math.min(2, availableParallelism())),
    only: wholes(null),
    "check-determinism": flag(),
    plant: text(null),
    planted: flag(),
    record: flag(),
  },
};
const { word, options } = readOptions(commandLine);
const { workers, only, plant } = options;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const simulation = simulations.find(({ name }) => name === word)!;
const names = simulation.bugs.map(({ name }) => name);
if (plant !== null) orEnd(commandLine, () => valueOf("--plant", oneOf(names, ""), plant));
process.exitCode = options.planted ? await plantAll(simulation) : await simulateAll(simulation);

/** Every seed, and of the first that failed what was enough to make it fail. */
async function simulateAll(simulation: Simulation): Promise<number> {
  const bug = plant === null ? {} : { bug: bugNamed(simulation, plant) };
  await using pool = new SimPool(simulation, { workers, ...bug });
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  const startedMs = performance.now();
  const failed: { seed: number; faults: number }[] = [];
  let [simulatedMs, events, done] = [0, 0, 0];
  const from = options.from ?? 1;
  // Of every kind of world one in 49: the kinds come round every 40 seeds.
  const tasks = seedsFrom(from, options.seeds, options["check-determinism"] ? 1 : 49);
  await pool.run(only ? [{ seed: from, only, twice: false }] : tasks, (result) => {
    done++;
    simulatedMs += result.simulatedMs;
    events += result.events;
    if (result.failure === null) return false;
    failed.push(result);
    say(`SIM=${simulation.name} SEED=${result.seed} COMMIT=${commit} after ${result.events} events: ${result.failure}`);
    return plant !== null;
  });
  const seconds = (performance.now() - startedMs) / 1000;
  say(
    `${done} seeds, ${failed.length} failed, ${events} events, ${(simulatedMs / 3_600_000).toFixed(2)} simulated hours`,
  );
  say(`in ${seconds.toFixed(0)} s: ${(simulatedMs / 1000 / seconds).toFixed(0)} simulated seconds per second`);
  for (const { seed, faults } of only ? [] : failed.slice(0, 3)) {
    const enough = await shrink(pool, seed, faults);
    say(
      `npm run sim -- ${simulation.name} --from ${seed} --seeds 1 --only=${enough?.join(",")}  # of ${faults} faults`,
    );
  }
  return failed.length > 0 && plant === null ? 1 : 0;
}

/** The table of planted bugs; 1 when one of them survives. */
async function plantAll(simulation: Simulation): Promise<number> {
  const known = new Map(plant === null ? [] : caughtAt(simulation));
  const waiting = plant === null ? [...names] : [plant];
  const all = waiting.length;
  const survivors: string[] = [];
  say("| bug | id | what | without | caught at seed | seeds tried | seconds |\n|---|---|---|---|---|---|---|");
  const work = async (): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const candidates =
        options.from === null ? ciSeeds(simulation, name) : seedsFor(simulation, name, options.from, options.seeds);
      const { bug, seed, tried, seconds } = await catchBug(simulation, name, candidates);
      if (seed === null) survivors.push(name);
      else known.set(name, seed);
      say(
        `| ${name} | ${bug.id} | ${bug.what} | ${bug.without ?? ""} | ${seed ?? "SURVIVED"} | ${tried} | ${seconds.toFixed(1)} |`,
      );
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  say(
    `${all} tried: ${all - survivors.length} caught, ${survivors.length} survived${survivors.length > 0 ? `: ${survivors.join(", ")}` : ""}`,
  );
  if (options.record) writeFileSync(simulation.caught, lines(simulation, known));
  return survivors.length > 0 ? 1 : 0;
}

function lines({ bugs }: Simulation, caught: ReadonlyMap<string, number>): string {
  const known = bugs.filter(({ name }) => caught.has(name));
  return known.map(({ name }) => `${name} ${caught.get(name)}\n`).join("");
}
