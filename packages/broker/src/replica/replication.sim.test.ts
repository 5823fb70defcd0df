import { AssertionError } from "node:assert/strict";
import { expect, test } from "vitest";
import { ReplicationStory } from "../testing/replication-story.ts";

const seeds = Number(process.env["ODRADEK_SEEDS"] ?? 25);
const first = Number(process.env["ODRADEK_SEED"] ?? 1);

test.each([
  { options: {}, what: "no acknowledged record is lost, none that was read changes, all replicas end the same" },
  {
    options: { moves: true },
    what: "P-20: the same while the partition is moved about, and moves are cancelled and changed half way",
  },
  {
    options: { power: true, settings: { "odradek.flush": "group" } },
    what: "P-16: the same with odradek.flush=group while machines lose their power, all of them at once, too",
  },
])(`${seeds} seeds: $what`, { timeout: 300_000 }, async ({ options }) => {
  let acknowledged = 0;
  let epochs = 0;
  for (let seed = first; seed < first + seeds; seed++) {
    try {
      const story = await ReplicationStory.start(seed, options);
      await story.run(300);
      await story.end();
      acknowledged += story.acknowledged;
      epochs += story.epochs;
    } catch (cause) {
      throw new Error(`seed ${seed}: ${String(cause)}`, { cause });
    }
  }
  expect(acknowledged).toBeGreaterThan(10 * seeds);
  expect(epochs).toBeGreaterThan(5 * seeds);
});

test("P-16: without odradek.flush=group the same does lose acknowledged records", { timeout: 300_000 }, async () => {
  const lost: number[] = [];
  for (let seed = 1; seed <= 20 && lost.length === 0; seed++) {
    const story = await ReplicationStory.start(seed, { power: true });
    try {
      await story.run(300);
      await story.end();
    } catch (error) {
      if (!(error instanceof AssertionError)) throw error;
      lost.push(seed);
    }
  }
  expect(lost.length).toBeGreaterThan(0);
});
