import type { MemoryFiles } from "@odradek/kit/testing";
import { batchesIn, ErrorCode } from "@odradek/protocol";
import { describe, expect, test, vi } from "vitest";
import { injure } from "../testing/injuries.ts";
import { ReplicatedTopic } from "../testing/replicated-topic.ts";

const FIRST = "/data/words-0/00000000000000000000.log";

function flip(files: MemoryFiles, at: number, path = FIRST): void {
  const bytes = files.readAll(path)!;
  bytes[at]! ^= 1;
  const file = files.open(path);
  file.write([bytes], 0);
  file.close();
}

function batchesAt(files: MemoryFiles): { position: number }[] {
  return [...batchesIn(files.readAll(FIRST)!)].map(({ at }) => ({ position: at }));
}

const read = (topic: ReplicatedTopic, id: number, offset: number) =>
  topic.partition(id).read({
    offset,
    bytesMax: 100,
    oneBatchAtLeast: true,
    leaderEpoch: -1,
    lastFetchedEpoch: -1,
    isolation: "uncommitted",
  });

async function filled(topic: ReplicatedTopic): Promise<void> {
  for (let n = 0; n < 20; n++) await topic.appended(1, [`v${n}`.padEnd(80)]);
}

describe("damage", () => {
  test(
    "L-02: whatever is done to a replica's files, nothing wrong is served and nothing acknowledged is lost",
    { timeout: 60_000 },
    async () => {
      for (let seed = 1; seed <= 60; seed++)
        expect(await injure(seed), `seed ${seed}`).toMatchObject({ wrong: 0, missing: 0, unlike: 0 });
    },
  );

  test("L-02: what no peer can give back stays refused; all else is served, nothing is cut off", async () => {
    const topic = await ReplicatedTopic.start({ brokers: [1], topicConfig: { indexIntervalBytes: 300 } });
    await filled(topic);
    await topic.stop(1);
    flip(topic.files.get(1)!, 400);
    await topic.boot(1);
    topic.control();
    await topic.until(() => topic.partitionOrNull(1)?.role.is === "leader");
    expect(topic.partition(1).end).toBe(20);
    const answers = [];
    for (let offset = 0; offset < 20; offset++) {
      const { error, release } = read(topic, 1, offset);
      release();
      answers.push(error);
      await topic.pass(10); // what surrounds the damage is served once it has been examined
    }
    const refused = answers.filter((error) => error === ErrorCode.KAFKA_STORAGE_ERROR).length;
    expect(refused).toBeGreaterThanOrEqual(1);
    expect(answers.every((error) => error === ErrorCode.NONE || error === ErrorCode.KAFKA_STORAGE_ERROR)).toBe(true);
    await topic.pass(2000);
    const later = Array.from({ length: 20 }, (_, offset) => {
      const { error, release } = read(topic, 1, offset);
      release();
      return error;
    });
    expect(later.filter((error) => error !== ErrorCode.NONE)).toEqual([ErrorCode.KAFKA_STORAGE_ERROR]);
    expect((await topic.appended(1, ["more"])).baseOffset).toBe(20);
  });

  test("L-02: the scrub finds and mends what nobody reads, on a follower too", async () => {
    const topic = await ReplicatedTopic.start({ min: 2 });
    await filled(topic);
    const before = topic.files.get(2)!.readAll(FIRST)!;
    flip(topic.files.get(2)!, 400);
    expect(topic.files.get(2)!.readAll(FIRST)!.equals(before)).toBe(false);
    await topic.pass(70_000);
    expect(topic.files.get(2)!.readAll(FIRST)!.equals(before)).toBe(true);
  });

  /** Broker 1 has records that the new leader, 2, has not, and something in the length of batch `hit` that can't be right. */
  async function parted(hit: number, isr: number[]) {
    const topic = await ReplicatedTopic.start();
    await filled(topic);
    await topic.until(() => topic.partition(1).high.value === 20);
    topic.network.cut("b1", "b2");
    topic.network.cut("b1", "b3");
    for (let n = 0; n < 5; n++) await topic.appended(1, ["alone"], { acks: 1 });
    const { position } = batchesAt(topic.files.get(1)!)[hit]!;
    const file = topic.files.get(1)!.open(FIRST);
    file.write([Buffer.alloc(4)], position + 8);
    file.close();
    topic.elect(2, isr);
    void topic.append(2, ["new"], { acks: 1 });
    const startedAnew = vi.spyOn(topic.partition(1).replica, "startAnewAt");
    topic.network.heal("b1", "b2");
    topic.network.heal("b1", "b3");
    const isLike = (): boolean => topic.files.get(1)!.readAll(FIRST)!.equals(topic.files.get(2)!.readAll(FIRST)!);
    return { topic, startedAnew, isLike };
  }

  test("L-02: an in-sync replica that must truncate is mended first, and keeps all that is acknowledged meanwhile", async () => {
    const { topic, startedAnew, isLike } = await parted(5, [1, 2, 3]);
    await topic.until(() => topic.partition(1).end === 21 && isLike(), 5000);
    expect(startedAnew).not.toHaveBeenCalled();
    expect(topic.node.isr).toEqual([1, 2, 3]);
    expect(topic.partition(1).replica.log.failed).toBeNull();
    expect(await topic.appended(2, ["more"])).toMatchObject({ error: ErrorCode.NONE, baseOffset: 21 });
  });

  test("L-02, P-21: what can't be mended stays while the replica is in sync; once it is not, it starts anew and joins again", async () => {
    const { topic, startedAnew, isLike } = await parted(20, [1, 2, 3]);
    await topic.until(() => {
      const isInSync = topic.node.isr.includes(1);
      if (isInSync) expect(startedAnew).not.toHaveBeenCalled();
      return !isInSync;
    }, 30_000);
    expect(topic.partition(1).end).toBe(25);
    await topic.until(() => topic.node.isr.includes(1), 30_000);
    await topic.until(isLike, 5000);
    expect(startedAnew).toHaveBeenCalledOnce();
    expect(topic.partition(1).replica.log.failed).toBeNull();
  });

  test("L-02, P-21: a replica that is not in sync and can't cut its log starts anew at once", async () => {
    const { topic, startedAnew, isLike } = await parted(20, [2, 3]);
    await topic.until(() => topic.partition(1).end === 21 && isLike(), 5000);
    expect(startedAnew).toHaveBeenCalledOnce();
  });
});
