import { test } from "vitest";
import { UUID_ZERO } from "../schema/primitives.ts";
import { readAssignment, readSubscription, writeAssignment, writeSubscription } from "./consumer-protocol.ts";
import {
  readGroupMetadataValue,
  readGroupRecordKey,
  readOffsetCommitValue,
  writeGroupMetadataKey,
  writeGroupMetadataValue,
  writeOffsetCommitKey,
  writeOffsetCommitValue,
} from "./coordinator-records.ts";

test("subscriptions and assignments have the bytes of Kafka's consumer protocol", ({ expect }) => {
  expect(writeSubscription({ topics: ["t"], userData: null }, 0).toString("hex")).toBe(
    "0000" + "00000001" + "0001" + "74" + "ffffffff",
  );
  expect(readSubscription(writeSubscription({ topics: ["a", "b"], userData: null }))).toEqual({
    topics: ["a", "b"],
    userData: null,
    ownedPartitions: [],
    generationId: -1,
    rackId: null,
  });
  const assigned = { assignedPartitions: [{ topic: "t", partitions: [0, 2] }], userData: null };
  expect(readAssignment(writeAssignment(assigned))).toEqual(assigned);
  expect(readAssignment(Buffer.alloc(0)).assignedPartitions).toEqual([]);
});

test("a subscription of a future version reads as the newest known one", ({ expect }) => {
  const future = Buffer.concat([
    writeSubscription({ topics: ["t"], userData: null, rackId: "r" }, 3),
    Buffer.from("more"),
  ]);
  future.writeInt16BE(9, 0);
  expect(readSubscription(future).rackId).toBe("r");
});

test("offset commits have the bytes of Kafka's __consumer_offsets", ({ expect }) => {
  const key = { group: "g", topic: "t", partition: 3 };
  expect(writeOffsetCommitKey(key).toString("hex")).toBe("0001" + "000167" + "000174" + "00000003");
  expect(readGroupRecordKey(writeOffsetCommitKey(key))).toEqual({ is: "offsetCommit", ...key });
  const value = writeOffsetCommitValue({ offset: 5, metadata: "", commitTimestamp: 1 });
  expect(value.toString("hex")).toBe("0003" + "0000000000000005" + "ffffffff" + "0000" + "0000000000000001");
  expect(readOffsetCommitValue(value)).toEqual({
    offset: 5,
    leaderEpoch: -1,
    metadata: "",
    commitTimestamp: 1,
    expireTimestamp: -1,
    topicId: UUID_ZERO,
  });
});

test("group metadata survives, and unknown key types are told apart", ({ expect }) => {
  expect(readGroupRecordKey(writeGroupMetadataKey({ group: "g" }))).toEqual({ is: "groupMetadata", group: "g" });
  expect(readGroupRecordKey(Buffer.from("0007", "hex"))).toEqual({ is: "unknown", type: 7 });
  const member = {
    memberId: "m",
    groupInstanceId: null,
    clientId: "c",
    clientHost: "/127.0.0.1",
    rebalanceTimeout: 1000,
    sessionTimeout: 6000,
    subscription: Buffer.from("s"),
    assignment: Buffer.from("a"),
  };
  const value = {
    protocolType: "consumer",
    generation: 4,
    protocol: "range",
    leader: "m",
    currentStateTimestamp: 9,
    members: [member],
  };
  expect(readGroupMetadataValue(writeGroupMetadataValue(value))).toEqual(value);
});
