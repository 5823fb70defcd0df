import { ErrorCode } from "@odradek/protocol";
import { describe, expect, test } from "vitest";

import { Follower } from "../partition/follower.ts";
import { ReplicatedTopic } from "../testing/replicated-topic.ts";

const ok = { error: ErrorCode.NONE };

describe("a disk that fails under one replica", () => {
  test("L-08: a failing disk takes the replica offline; the others go on", async () => {
    const at = await ReplicatedTopic.start();
    at.files.get(3)!.failNextWrite({ path: "words-0" });
    const waiting = at.append(1, ["a"]);
    await at.until(() => at.partition(3).role.is === "offline");
    at.setIsr([1, 2]);
    await at.pass(100);
    expect(await waiting).toMatchObject(ok);
    expect(await at.appended(1, ["b"])).toMatchObject(ok);
    expect(at.values(2)).toEqual(["a", "b"]);
    await expect(at.lives.get(3)!.replicas.failed).rejects.toThrow("disks of all data directories have failed");
  });

  test("L-08: a leader whose disk fails acknowledges nothing more", async () => {
    const at = await ReplicatedTopic.start();
    at.files.get(1)!.failNextWrite({ path: "words-0" });
    expect(await at.appended(1, ["a"], { acks: 1 })).toMatchObject({ error: ErrorCode.KAFKA_STORAGE_ERROR });
    expect(await at.appended(1, ["b"])).toMatchObject({ error: ErrorCode.KAFKA_STORAGE_ERROR });
    at.elect(2, [2, 3]);
    expect(await at.appended(2, ["c"])).toMatchObject({ ...ok, baseOffset: 0 });
  });

  for (const [what, sizes] of [
    ["one batch", [600_000]],
    ["the last of several batches", [200_000, 200_000, 200_000, 200_000]],
  ] as const)
    test(`L-08: acks=all is answered at once when the write that ${what} makes due fails`, async () => {
      const at = await ReplicatedTopic.start();
      at.files.get(1)!.failNextWrite({ path: "words-0" });
      const answers = Promise.all(sizes.map((bytes) => at.append(1, ["x".repeat(bytes)])));
      const startedMs = at.clock.now();
      const afterMs = answers.then(() => at.clock.now() - startedMs);
      await at.pass(60_000);
      for (const answer of await answers) expect(answer).toMatchObject({ error: ErrorCode.KAFKA_STORAGE_ERROR });
      expect(await afterMs).toBe(0);
    });

  test("a partition that can't be opened is tried again", async () => {
    const at = await ReplicatedTopic.start({ brokers: [1, 2] });
    await at.appended(1, ["a"]);
    at.kill(2);
    at.files.get(2)!.failNextSync({ path: "words-0", code: "EMFILE" });
    await at.boot(2);
    await at.pass(1000);
    expect(at.partitionOrNull(2)).toBeNull();
    await at.until(() => at.partitionOrNull(2) !== null, 30_000);
    await at.until(() => at.node.isr.length === 2);
    expect(at.values(2)).toEqual(["a"]);
  });

  test("I-04: a new start that can't be prepared, for the replica is gone meanwhile, is no failure of its disk", async () => {
    const at = await ReplicatedTopic.start({ brokers: [1, 2] });
    const { replica } = at.partition(2);
    const follower = new Follower(replica, { leader: 1, epoch: 1, isInSync: false });
    const prepared = follower.prepareStart({ start: 5, producers: Buffer.alloc(0) });
    at.files.get(2)!.failNextSync({ path: "snapshot" });
    void replica.log.abandon();
    await expect(prepared).rejects.toThrow("snapshot");
    expect(replica.log.failed).toBeNull();
  });
});
