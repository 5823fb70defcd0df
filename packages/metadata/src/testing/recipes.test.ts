import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { integerBelow } from "@odradek/kit";
import { LoggedProcess, SeededRandom } from "@odradek/kit/testing";
import { describe, expect, it } from "vitest";
import type { Session } from "../client/types.ts";
import { ProcessQuorum } from "./process-quorum.ts";
import { lead } from "./recipes/election.ts";
import { acquire, guarded } from "./recipes/lock.ts";
import { World } from "./world.ts";

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");

describe("docs/recipes.md", () => {
  it.each(["lock.ts", "election.ts", "add-one.ts"])("shows %s as it is run here", (name) => {
    expect(read("../../../../docs/recipes.md")).toContain(`\`\`\`ts\n${read(`recipes/${name}`)}\`\`\``);
  });
});

/** Elements written to /set, each by a holder of the lock that read the set before. */
type Workload = { acknowledged: string[]; kept: string[]; tokens: number[] };

/**
 * The lock-set workload: whoever has the lock reads the set, now and then stands still for longer than its session lives,
 * and writes the set with one element more. The write goes by a second session, which outlives the first.
 */
async function lockSet(seed: number, isGuarded: boolean): Promise<Workload> {
  const world = await World.ofThree(seed);
  const random = new SeededRandom(seed);
  const setup = await world.session("setup");
  for (const path of ["/lock", "/set"]) await world.until(setup.create(path, Buffer.alloc(0)));
  const done: Workload = { acknowledged: [], kept: [], tokens: [] };
  const elements = (node: { data: Buffer } | null): string[] => node!.data.toString().split(" ").filter(Boolean);
  const work = async (name: string): Promise<void> => {
    const holder: Session = await world.session(name);
    const writer: Session = await world.session(`${name}-writer`, { timeoutMs: 60_000 });
    const lock = await acquire(holder, "/lock");
    done.tokens.push(lock.token);
    const before = elements(await writer.get("/set"));
    if (integerBelow(random, 2) === 0) {
      for (const member of ["m1", "m2", "m3"]) world.network.cut(name, member);
      await new Promise<void>((resolve) => world.clock.timer(9_000, resolve));
    }
    const data = Buffer.from([...before, name].join(" "));
    const write = { is: "set", path: "/set", data, version: "any" } as const;
    const outcome = isGuarded ? await guarded(writer, lock, [write]) : await writer.multi([write]);
    if (outcome.is === "done") done.acknowledged.push(name);
    if (!(await Promise.race([holder.ended, Promise.resolve(null)]))) await lock.release();
    await writer.close();
  };
  await world.until(Promise.all(["a", "b", "c", "d"].map(work)), 120_000);
  done.kept = elements(await world.until(setup.get("/set")));
  return done;
}

describe("C-13: the lock of the recipe", () => {
  const seeds = Array.from({ length: 10 }, (_, at) => at + 1);

  it.each(seeds)("loses nothing acknowledged when writes carry the token (seed %i)", async (seed) => {
    const { acknowledged, kept, tokens } = await lockSet(seed, true);
    expect(kept.toSorted()).toEqual(acknowledged.toSorted());
    expect(tokens).toEqual(tokens.toSorted((left, right) => left - right));
    expect(new Set(tokens).size).toBe(4);
  });

  it("loses acknowledged writes without it", async () => {
    const runs = await Promise.all(seeds.map((seed) => lockSet(seed, false)));
    const lost = runs.filter(({ acknowledged, kept }) => acknowledged.some((element) => !kept.includes(element)));
    expect(lost.length).toBeGreaterThan(0);
  });

  it("wakes the next in the queue, and rejects for one whose session ends while it waits", async () => {
    const world = await World.ofThree();
    const [first, second, third] = [await world.session("a"), await world.session("b"), await world.session("c")];
    await world.until(first.create("/lock", Buffer.alloc(0)));
    const held = await world.until(acquire(first, "/lock"));
    const leaving = acquire(second, "/lock").catch((error: Error) => error.message);
    await world.clock.advance(50);
    const waiting = acquire(third, "/lock");
    await world.clock.advance(50);
    await world.until(second.close());
    expect(await world.until(leaving)).toContain("ended");
    await world.until(held.release());
    expect((await world.until(waiting)).token).toBeGreaterThan(held.token);
  });
});

describe("C-13: the election of the recipe", () => {
  it("elects the next when the leader dies, and refuses what the old one still writes", async () => {
    const world = await World.ofThree();
    const [first, second] = [await world.session("a"), await world.session("b")];
    const survivor = await world.session("a-writer", { timeoutMs: 60_000 });
    await world.until(first.create("/election", Buffer.alloc(0)));
    await world.until(first.create("/election/epoch", Buffer.alloc(0)));
    const old = await world.until(lead(first, "/election", "a"));
    const next = lead(second, "/election", "b");
    for (const member of ["m1", "m2", "m3"]) world.network.cut("a", member);
    const reign = await world.until(next);
    await world.until(old.over);
    expect(reign.epoch).toBe(old.epoch + 1);
    expect((await world.until(second.get("/election/leader")))?.data.toString()).toBe("b");
    const write = { is: "set", path: "/topics", data: Buffer.from("x"), version: "any" } as const;
    const late = await world.until(survivor.multi([old.guard, write]));
    expect(late).toMatchObject({ is: "failed", at: 0, failure: "BAD_VERSION" });
    expect(await world.until(second.multi([reign.guard, write]))).toMatchObject({ is: "done" });
    await world.until(reign.resign());
    await world.until(reign.over);
    expect(await world.until(second.get("/election/leader"))).toBeNull();
  });
});

it("three programs of the recipe at once add three", async () => {
  const { nodes } = await ProcessQuorum.start(1);
  const script = fileURLToPath(new URL("recipes/add-one.ts", import.meta.url));
  const programs = [1, 2, 3].map(() => new LoggedProcess([script, ...nodes.members.values()]));
  expect(await Promise.all(programs.map(({ exited }) => exited))).toEqual([0, 0, 0]);
  const said = programs.flatMap(({ lines }) => lines.map(({ msg = "" }) => Number(msg.split(" ")[0])));
  expect(said.toSorted((left, right) => left - right)).toEqual([1, 2, 3]);
}, 60_000);
