import { ErrorCode } from "@odradek/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { batchOf, LoneBroker } from "../testing/lone-broker.ts";
import { remove } from "./delete-records.ts";

describe("DeleteRecords", () => {
  let broker: LoneBroker;
  beforeEach(async () => {
    broker = await LoneBroker.start();
  });
  const filled = async (topic: string, policy: string): Promise<void> => {
    await broker.topic(topic, 1, { "cleanup.policy": policy });
    const records = policy === "delete" ? [batchOf("a"), batchOf("b"), batchOf("c")] : [];
    for (const batch of records)
      await broker.passing(broker.partition(topic).append(batch, { acks: -1, timeoutMs: 1000, origin: "client" }));
  };
  const answered = async (topic: string, offset: number) => {
    const request = { topics: [{ name: topic, partitions: [{ partitionIndex: 0, offset }] }], timeoutMs: 1000 };
    return (await broker.passing(remove(broker.parts, request))).topics[0]!.partitions[0]!;
  };

  it("moves the start at most to the high watermark, and its answer is not given before a crash can't undo it", async () => {
    await filled("words", "delete");
    expect(await answered("words", 2)).toMatchObject({ errorCode: ErrorCode.NONE, lowWatermark: 2 });
    broker.files.crash();
    expect(String(broker.files.readAll("/data/log-start-offset-checkpoint"))).toBe("0\n1\nwords 0 2\n");
  });

  it("takes -1 for all that is committed, and refuses what is beyond", async () => {
    await filled("words", "delete");
    expect(await answered("words", 4)).toMatchObject({ errorCode: ErrorCode.OFFSET_OUT_OF_RANGE, lowWatermark: -1 });
    expect(await answered("words", -1)).toMatchObject({ errorCode: ErrorCode.NONE, lowWatermark: 3 });
    expect(await answered("words", 1)).toMatchObject({ errorCode: ErrorCode.NONE, lowWatermark: 3 });
    expect(broker.partition("words").start).toBe(3);
  });

  it("is against the policy of a topic that is only compacted", async () => {
    await filled("latest", "compact");
    expect(await answered("latest", 0)).toMatchObject({ errorCode: ErrorCode.POLICY_VIOLATION });
    await filled("both", "compact,delete");
    expect(await answered("both", 0)).toMatchObject({ errorCode: ErrorCode.NONE });
  });
});
