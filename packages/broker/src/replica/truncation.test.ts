import { expect, test } from "vitest";

import { ReplicatedTopic } from "../testing/replicated-topic.ts";

test("P-02: a log is cut once for one answer, though the stream breaks while the cut awaits its checkpoint", async () => {
  let ms = 0;
  const at = await ReplicatedTopic.start({ brokers: [1, 2], nextSync: () => ({ ms, isSafeFirst: true }) });
  await at.appended(1, ["a"]);
  at.network.cut("b1", "b2");
  await at.appended(1, ["old 1", "old 2"], { acks: 1 });
  await at.stop(1); // its recovery point is behind them
  at.elect(2, [2]);
  await at.appended(2, ["new 1"]);
  at.network.heal("b1", "b2");
  await at.boot(1);
  ms = 5000;
  await at.pass(20);
  expect(at.values(1)).toEqual(["a", "old 1", "old 2"]);
  at.network.cut("b1", "b2");
  await at.pass(3000);
  at.network.heal("b1", "b2");
  await at.pass(1000);
  await at.appended(2, ["new 2"], { acks: 1 });
  await at.pass(1000);
  await at.appended(2, ["new 3"], { acks: 1 });
  await at.until(() => at.partition(1).end === 4);
  expect(at.values(1)).toEqual(["a", "new 1", "new 2", "new 3"]);
  await at.until(() => at.node.isr.length === 2);
});

test("a follower whose log is not where the leader goes on from takes nothing, and attaches again", async () => {
  const at = await ReplicatedTopic.start({ brokers: [1, 2] });
  for (const value of ["a", "b", "c"]) await at.appended(1, [value]);
  at.partition(2).replica.truncateTo(1);
  await at.appended(1, ["d"], { acks: 1 });
  await at.until(() => at.partition(2).end === 4);
  expect(at.values(2)).toEqual(["a", "b", "c", "d"]);
});
