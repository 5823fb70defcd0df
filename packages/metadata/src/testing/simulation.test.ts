import { integerBelow } from "@odradek/kit";
import { describe, expect, it } from "vitest";
import type { Session, WatchEvent } from "../client/types.ts";
import { Simulation } from "./simulation.ts";
import { collect, fold } from "./world.ts";

/** Steps a counter by compare-and-set, and leaves one sequential node per step: both must be there exactly once. */
class Worker {
  done = 0;
  isStopped = false;
  readonly finished: Promise<void>;

  constructor(session: Session, name: string) {
    this.finished = this.#run(session, name);
  }

  async #run(session: Session, name: string): Promise<void> {
    while (!this.isStopped) {
      const counter = await session.get("/counter");
      const next = Buffer.from(String(Number(counter!.data) + 1));
      const outcome = await session.multi([
        { is: "set", path: "/counter", data: next, version: counter!.version },
        { is: "create", path: `/topics/${name}-`, data: next, sequential: true },
      ]);
      if (outcome.is === "done") this.done++;
      else expect(outcome).toMatchObject({ is: "failed", failure: "BAD_VERSION" });
    }
  }
}

async function disturb(simulation: Simulation, clients: string[]): Promise<void> {
  const { random, network, ids, clock } = simulation;
  const pick = <T>(from: readonly T[]): T => from[integerBelow(random, from.length)]!;
  const dead = ids.filter((id) => !simulation.alive.includes(id));
  const chance = random.next();
  if (dead.length > 0 && chance < 0.7) return simulation.start(pick(dead));
  if (chance < 0.75 && dead.length === 0) simulation.crash(pick(simulation.alive), random.next() < 0.5);
  else {
    const one = `m${pick(ids)}`;
    const other = pick([...clients, ...ids.map((id) => `m${id}`)].filter((name) => name !== one));
    network.cut(one, other);
    // A client that does not reach a new leader within its second of grace may lose its session, which is not what is tested here.
    await clock.advance(integerBelow(random, other.startsWith("m") ? 1_500 : 400));
    network.heal(one, other);
  }
}

async function run(seed: number): Promise<string> {
  const simulation = new Simulation(seed);
  for (const id of simulation.ids) await simulation.start(id);
  const names = ["a", "b"];
  // Long timeouts: with them no fault of this run may end a session, so no outcome may be unknown.
  const [first, second] = [await simulation.client("a", 60_000), await simulation.client("b", 60_000)];
  const watcher = await simulation.client("w", 60_000);
  await simulation.until(first.create("/counter", Buffer.from("0")));
  await simulation.until(first.create("/brokers/ids/1", Buffer.from(""), { ephemeral: true }));
  const events: WatchEvent[] = collect(watcher.watch({ path: "/", recursive: true }));
  const workers = [new Worker(first, "a"), new Worker(second, "b")];
  for (let fault = 0; fault < 12; fault++) {
    await disturb(simulation, names);
    await simulation.clock.advance(integerBelow(simulation.random, 1_500));
  }
  for (const id of simulation.ids) if (!simulation.alive.includes(id)) await simulation.start(id);
  for (const worker of workers) worker.isStopped = true;
  await simulation.until(Promise.all(workers.map((worker) => worker.finished)));
  const done = workers.reduce((sum, worker) => sum + worker.done, 0);
  const counter = await simulation.until(watcher.get("/counter"));
  expect(counter?.data.toString(), "every acknowledged step was done once").toBe(String(done));
  expect(await simulation.until(watcher.children("/topics"))).toHaveLength(done);
  expect(await simulation.until(watcher.exists("/brokers/ids/1")), "its session lives").toBe(true);
  await simulation.clock.advance(5_000);
  const { state } = simulation.node(1).machine;
  expect(fold(events).nodes, "the watch drew the whole tree").toEqual(
    new Map(state.under("/", true).map((node) => [node.path, node.data.toString()])),
  );
  const digests = simulation.ids.map((id) => {
    const { machine } = simulation.node(id);
    return `${machine.state.revision} ${machine.digest()}`;
  });
  expect(digests, "replicas agree (RELIABILITY R-26)").toEqual(digests.map(() => digests[0]));
  expect(done).toBeGreaterThan(20);
  return `${done} ${digests[0]}`;
}

describe("three simulated nodes under crashes, power loss and cut links", () => {
  // SEED=7 runs one, SEED=1-200 many.
  const [from, to = from] = (process.env["SEED"] ?? "1-8").split("-").map(Number) as [number, number?];
  const seeds = Array.from({ length: to - from + 1 }, (_, at) => from + at);

  it.each(seeds)("C-07, C-11: writes happen exactly once and watches have no gap (seed %i)", async (seed) => {
    await run(seed);
  });

  it("does the same twice for the same seed", async () => {
    expect(await run(99)).toBe(await run(99));
  });
});
