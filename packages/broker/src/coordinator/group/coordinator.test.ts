import { ErrorCode } from "@odradek/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { LoneBroker } from "../../testing/lone-broker.ts";
import { passUntil } from "../../testing/test-cluster.ts";
import { partitionFor } from "../placement.ts";
import { GroupCoordinator } from "./coordinator.ts";
import type { GroupShard } from "./group-shard.ts";

const OFFSETS = "__consumer_offsets";

describe("GroupCoordinator", () => {
  let broker: LoneBroker;
  beforeEach(async () => {
    broker = await LoneBroker.start();
    await broker.topic("words");
  });
  const groups = () => broker.parts.groups;
  const shardOf = async (group: string): Promise<GroupShard> => {
    const shard = await broker.passing(groups().shardFor(group));
    if (typeof shard === "number") throw new Error(`no shard: ${shard}`);
    return shard;
  };
  const commit = async (group: string, offset: number): Promise<ErrorCode[]> => {
    const shard = await shardOf(group);
    const offsets = [{ topic: "words", partition: 0, offset, leaderEpoch: -1, metadata: "" }];
    const request = { groupId: group, memberId: "", instanceId: null, generationId: -1, offsets };
    return broker.passing(shard.commit(request));
  };
  const committed = async (group: string): Promise<number | undefined> => {
    const offsets = await broker.passing((await shardOf(group)).fetchOffsets(group));
    return typeof offsets === "number" ? undefined : offsets.get("words")?.get(0)?.offset;
  };

  it("places groups as Kafka does", () => {
    // Utils.abs(groupId.hashCode) % 50, by Java.
    expect(["", "g", "console-consumer-1", "größe"].map((id) => partitionFor(id, 50))).toEqual([0, 3, 24, 7]);
  });

  it("creates the offsets topic when it is first asked for, and only then", async () => {
    expect(broker.parts.cluster.image.topics.has(OFFSETS)).toBe(false);
    expect(await broker.passing(groups().shardFor("g"))).toBe(ErrorCode.NOT_COORDINATOR);
    expect(await broker.passing(groups().find("g"))).toEqual({ errorCode: ErrorCode.NONE, brokerId: 1 });
    expect(broker.parts.cluster.image.topics.get(OFFSETS)).toMatchObject({ internal: true });
    expect(broker.parts.cluster.image.topicConfigs.get(OFFSETS)?.settings["cleanup.policy"]).toBe("compact");
  });

  it("holds requests while the shard loads instead of refusing them", async () => {
    await broker.passing(groups().find("g"));
    // Nothing has been opened yet: both wait.
    const both = Promise.all([groups().shardFor("g"), groups().shardFor("h")]);
    for (const shard of await broker.passing(both)) expect(typeof shard).toBe("object");
  });

  it("remembers across coordinators: the state is the replay of the log", async () => {
    await broker.passing(groups().find("g"));
    for (let offset = 1; offset <= 30; offset++) expect(await commit("g", offset)).toEqual([ErrorCode.NONE]);
    groups().close();
    const next = new GroupCoordinator(broker.parts);
    const shard = await broker.passing(next.shardFor("g"));
    const offsets = typeof shard === "number" ? shard : await broker.passing(shard.fetchOffsets("g"));
    expect(typeof offsets === "number" ? offsets : offsets.get("words")?.get(0)).toMatchObject({ offset: 30 });
  });

  it("G-06: a shard ends with its leadership", async () => {
    await broker.passing(groups().find("g"));
    await commit("g", 5);
    const shard = await shardOf("g");
    await broker.electElsewhere(OFFSETS, 2, partitionFor("g", 2));
    expect(await broker.passing(groups().shardFor("g"))).toBe(ErrorCode.NOT_COORDINATOR);
    expect(await broker.passing(shard.fetchOffsets("g"))).toBe(ErrorCode.NOT_COORDINATOR);
    const offsets = [{ topic: "words", partition: 0, offset: 9, leaderEpoch: -1, metadata: "" }];
    const late = { groupId: "g", memberId: "", instanceId: null, generationId: -1, offsets };
    expect(await broker.passing(shard.commit(late))).toEqual([ErrorCode.NOT_COORDINATOR]);
  });

  it("G-08: a deleted topic takes its committed offsets along", async () => {
    await broker.passing(groups().find("g"));
    await commit("g", 5);
    const session = broker.parts.cluster.session;
    await broker.passing(session.delete("/topics/words", "any", { recursive: true }));
    await passUntil(broker.clock, () => !broker.parts.cluster.image.topics.has("words"));
    expect(await committed("g")).toBeUndefined();
  });
});
