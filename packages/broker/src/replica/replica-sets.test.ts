import { expect, test } from "vitest";

import { ReplicatedTopic } from "../testing/replicated-topic.ts";

test("P-20: a new replica that hears of its move before the leader does is taken in once the leader has heard, too", async () => {
  const at = await ReplicatedTopic.start({ brokers: [1, 2], spare: [3] });
  at.inTheDark.add(1);
  at.move([1, 3]);
  await at.pass(2000);
  at.inTheDark.clear();
  at.publish();
  await at.until(() => at.node.isr.includes(3), 5000);
  at.control();
  expect(at.node).toMatchObject({ replicas: [1, 3], leader: 1 });
});

test("KIP-392: a leader knows which followers in sync have what a reader asks for, and a follower serves what is committed", async () => {
  const at = await ReplicatedTopic.start();
  at.network.cut("b1", "b3");
  await at.appended(1, ["a"], { acks: 1 });
  await at.pass(50);
  expect(at.partition(1).holders(1)).toEqual([{ id: 2, end: 1 }]);
  expect(at.partition(1).holders(2)).toEqual([]);
  expect(at.partition(2).holders(0)).toEqual([]);
  const options = { offset: 0, bytesMax: 1000, oneBatchAtLeast: true, leaderEpoch: 1, lastFetchedEpoch: -1 };
  const read = () => at.partition(2).read({ ...options, isolation: "uncommitted", mayFollow: true });
  // Broker 3 is in sync and has not taken it: it is not committed, and a follower does not show it.
  expect(read()).toMatchObject({ error: 0, high: 0, records: null });
  at.network.heal("b1", "b3");
  await at.until(() => at.partition(2).high.value === 1);
  const found = read();
  expect(found.records?.length).toBeGreaterThan(0);
  found.release();
});
