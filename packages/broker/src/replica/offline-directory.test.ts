import { expect, test } from "vitest";
import { ReplicatedTopic } from "../testing/replicated-topic.ts";

test("L-12: nothing is made anew of a replica that may lie in a dead directory, not even when it was out of sync", async () => {
  const at = await ReplicatedTopic.start({ brokers: [1, 2], directories: ["/one", "/two"] });
  const files = at.files.get(1)!;
  const isOffline = (): boolean | null => at.lives.get(1)!.replicas.isOffline("words", 0);
  await at.appended(1, ["a"]);
  expect([files.exists("/one/words-0"), files.exists("/two/words-0")]).toEqual([true, false]);
  at.elect(2, [2]); // broker 1 may be eligible from here on: it has everything committed
  at.kill(1);
  const meta = files.readAll("/one/meta.properties")!;
  await files.remove("/one/meta.properties");
  files.failNextWrite({ path: "/one/" });
  await at.boot(1);
  await at.until(() => isOffline() === true);
  expect([at.lives.get(1)!.replicas.hasOffline, files.exists("/two/words-0")]).toEqual([true, false]);
  at.kill(1);
  await files.replace("/one/meta.properties", meta);
  await at.boot(1);
  await at.until(() => at.partitionOrNull(1) !== null);
  expect([isOffline(), at.lives.get(1)!.replicas.hasOffline, at.values(1)]).toEqual([false, false, ["a"]]);
});

test("L-12: a disk that can't be read any more takes its partitions with it, not the broker", async () => {
  const at = await ReplicatedTopic.start({ brokers: [1, 2], directories: ["/one", "/two"] });
  at.kill(2);
  at.elect(1, [1]);
  await at.appended(1, ["a"]);
  at.files.get(1)!.failNextRead({ path: "/one/words-0/" });
  await at.boot(2); // follows, so that the leader reads for it
  await at.until(() => at.lives.get(1)!.replicas.isOffline("words", 0) === true);
  expect(at.partition(1).role).toMatchObject({ is: "offline" });
  const failed = at.lives.get(1)!.replicas.directories.list.map((directory) => directory.failed !== null);
  expect(failed).toEqual([true, false]);
});

test("L-11: a sync that fails while a log is opened is not tried again by the same process", async () => {
  const at = await ReplicatedTopic.start({ brokers: [1, 2] });
  await at.appended(1, ["a"]);
  at.kill(2);
  at.files.get(2)!.failNextSync({ path: "words-0" });
  await at.boot(2);
  await expect(at.lives.get(2)!.replicas.failed).rejects.toThrow("all data directories have failed");
  at.kill(2);
  await at.boot(2);
  await at.until(() => at.partitionOrNull(2) !== null);
  expect(at.values(2)).toEqual(["a"]);
});
