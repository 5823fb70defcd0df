import { expect, test } from "vitest";
import { ReplicatedTopic } from "../testing/replicated-topic.ts";

async function filled(): Promise<ReplicatedTopic> {
  const at = await ReplicatedTopic.start();
  for (const value of ["a", "b", "c", "d"]) await at.appended(1, [value]);
  return at;
}

/** What became of waiting for all in-sync replicas to begin at `start`; null: nothing yet. */
function waiting(at: ReplicatedTopic, start: number, timeoutMs: number): { outcome: string | null } {
  const wait: { outcome: string | null } = { outcome: null };
  void at
    .partition(1)
    .startReached(start, { timeoutMs })
    .then((outcome) => (wait.outcome = outcome));
  return wait;
}

test("deleted records are gone from every in-sync replica when that is answered", async () => {
  const at = await filled();
  expect(at.partition(1).deleteRecordsBelow(3)).toBe(3);
  const wait = waiting(at, 3, 5000);
  await at.pass(1);
  expect(wait.outcome).toBeNull();
  await at.until(() => wait.outcome !== null);
  expect([wait.outcome, at.partition(2).start, at.partition(3).start]).toEqual(["reached", 3, 3]);
});

test("a follower that can't be reached holds the answer back until it is not in sync any more", async () => {
  const at = await filled();
  at.network.cut("b1", "b3");
  at.partition(1).deleteRecordsBelow(2);
  const [short, long] = [waiting(at, 2, 1000), waiting(at, 2, 60_000)];
  await at.pass(1500);
  expect([short.outcome, long.outcome]).toEqual(["timeout", null]);
  void at.append(1, ["e"]);
  await at.until(() => !at.node.isr.includes(3), 60_000);
  await at.until(() => long.outcome !== null);
  expect(long.outcome).toBe("reached");
});

test("who leads no longer can't tell", async () => {
  const at = await filled();
  at.network.cut("b1", "b3");
  at.partition(1).deleteRecordsBelow(2);
  const wait = waiting(at, 2, 60_000);
  at.elect(2);
  await at.until(() => wait.outcome !== null);
  expect(wait.outcome).toBe("closed");
});
