import { expect, test } from "vitest";

import { ReplicatedTopic } from "../testing/replicated-topic.ts";
import { streamLimits } from "./stream-limits.ts";

test("a leader is suspected of being dead when its stream breaks, for a while or until it is heard again", async () => {
  const at = await ReplicatedTopic.start();
  const isSuspect = (): boolean => at.lives.get(2)!.replicas.isSuspect(1);
  await at.appended(1, ["a"]);
  expect(isSuspect()).toBe(false);
  at.inTheDark.add(2); // the store has not said yet who is gone
  at.kill(1);
  await at.until(isSuspect, 100);
  await at.boot(1);
  at.inTheDark.delete(2);
  at.elect(1, [1, 2, 3]);
  await at.until(() => at.partitionOrNull(1)?.role.is === "leader");
  await at.appended(1, ["b"]);
  expect(isSuspect()).toBe(false);
  at.inTheDark.add(2);
  at.kill(1);
  await at.until(isSuspect, 100);
  await at.pass(streamLimits.suspectMs);
  expect(isSuspect()).toBe(false);
});
