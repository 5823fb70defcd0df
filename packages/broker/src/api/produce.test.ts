import { Batch, buildBatch, ErrorCode, type ProduceRequest } from "@odradek/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { batchOf, LoneBroker, valuesIn } from "../testing/lone-broker.ts";
import { append } from "./produce.ts";

const to = (topic: string, records: Buffer | null, options: Partial<ProduceRequest> = {}): ProduceRequest => ({
  transactionalId: null,
  acks: 1,
  timeoutMs: 1000,
  topicData: [{ name: topic, topicId: "", partitionData: [{ index: 0, records }] }],
  ...options,
});

describe("Produce", () => {
  let broker: LoneBroker;
  beforeEach(async () => {
    broker = await LoneBroker.start();
    await broker.topic("words");
  });
  const send = (request: ProduceRequest) => broker.passing(append(broker.parts, request, broker.scope(11)));
  const answered = async (request: ProduceRequest) => (await send(request))!.responses[0]!.partitionResponses[0]!;

  it.each([1, -1])("appends with acks=%i and tells the offset", async (acks) => {
    expect(await answered(to("words", batchOf("a", "b"), { acks }))).toMatchObject({ errorCode: 0, baseOffset: 0 });
    expect(await answered(to("words", batchOf("c"), { acks }))).toMatchObject({ errorCode: 0, baseOffset: 2 });
  });

  it("P-18: does not acknowledge with acks=1 what was written when the session had ended", async () => {
    const answer = append(broker.parts, to("words", batchOf("a")), broker.scope(11));
    broker.tree.end(broker.parts.cluster.session.id, "expired");
    const { responses } = (await broker.passing(answer))!;
    expect(responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER });
  });

  it("appends in the order of the calls, though nobody has waited in between", async () => {
    const requests = ["a", "b", "c", "d"].map((value) =>
      append(broker.parts, to("words", batchOf(value)), broker.scope(11)),
    );
    await broker.passing(Promise.all(requests));
    const read = broker.partition("words").read({
      offset: 0,
      bytesMax: 1_000_000,
      oneBatchAtLeast: true,
      leaderEpoch: -1,
      lastFetchedEpoch: -1,
      isolation: "uncommitted",
    });
    expect(valuesIn(read.records)).toEqual(["a", "b", "c", "d"]);
    read.release();
  });

  it("refuses what it may not take, per partition, and tells -1 for every number (K-06)", async () => {
    const nothing = { baseOffset: -1 };
    const refused = async (request: ProduceRequest, errorCode: number): Promise<void> =>
      expect(await answered(request)).toMatchObject({ errorCode, ...nothing });
    await refused(to("absent", batchOf("a")), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    await refused(to("words", batchOf("a"), { acks: 5 }), ErrorCode.INVALID_REQUIRED_ACKS);
    await refused(to("words", null), ErrorCode.INVALID_RECORD);
    await refused(to("words", Buffer.from("no batch at all")), ErrorCode.CORRUPT_MESSAGE);
    await broker.passing(broker.parts.groups.find("g"));
    await refused(to("__consumer_offsets", batchOf("a")), ErrorCode.INVALID_TOPIC_EXCEPTION);
  });

  it("answers acks=5 without topics with an empty response, and acks=0 with nothing", async () => {
    expect((await send(to("words", null, { acks: 5, topicData: [] })))!.responses).toEqual([]);
    expect(await send(to("words", batchOf("a"), { acks: 0 }))).toBeNull();
    expect(broker.partition("words").end).toBe(1);
  });

  it("closes the connection when acks=0 can't be kept", async () => {
    await expect(send(to("absent", batchOf("a"), { acks: 0 }))).rejects.toThrow("absent-0 answered UNKNOWN_TOPIC");
  });

  it("K-02: from v13 on topics go by id, and an id that no topic has any more is not taken for the topic of that name", async () => {
    const idOf = (name: string): string => broker.parts.cluster.image.topics.get(name)!.id;
    const byId = async (topicId: string) => {
      const request = { ...to("", batchOf("a")), topicData: [{ name: "", topicId, partitionData: [one] }] };
      const answer = await broker.passing(append(broker.parts, request, broker.scope(13)));
      const [topic] = answer!.responses;
      expect(topic!.topicId).toBe(topicId);
      return topic!.partitionResponses[0]!.errorCode;
    };
    const one = { index: 0, records: batchOf("a") };
    const id = idOf("words");
    expect(await byId(id)).toBe(ErrorCode.NONE);
    expect(await byId("AAAAAAAAAAAAAAAAAAAABQ")).toBe(ErrorCode.UNKNOWN_TOPIC_ID);
    await broker.recreate("words");
    expect(await byId(id)).toBe(ErrorCode.UNKNOWN_TOPIC_ID);
    expect(await byId(idOf("words"))).toBe(ErrorCode.NONE);
    expect(broker.partition("words").end).toBe(1);
  });

  it("names the records without a key that a compacted topic can't take, as Kafka does (KIP-467)", async () => {
    await broker.topic("latest", 1, { "cleanup.policy": "compact" });
    const [key, value] = [Buffer.from("k"), Buffer.from("v")];
    const records = buildBatch({ records: [{ key, value }, { value }, { key, value }, { value }], timestamp: 1 });
    const why = "Compacted topic cannot accept message without key in topic partition latest-0";
    expect(await answered(to("latest", records))).toEqual({
      index: 0,
      errorCode: ErrorCode.INVALID_RECORD,
      baseOffset: -1,
      logStartOffset: 0,
      recordErrors: [
        { batchIndex: 1, batchIndexErrorMessage: why },
        { batchIndex: 3, batchIndexErrorMessage: why },
      ],
      errorMessage:
        "One or more records have been rejected due to 2 record errors in total, and only showing the first three errors at most: " +
        `[RecordError(batchIndex=1, message='${why}'), RecordError(batchIndex=3, message='${why}')]`,
    });
    expect(broker.partition("latest").end).toBe(0);
  });

  it("N-15: refuses a batch whose records can't be read where it must read them", async () => {
    await broker.topic("latest", 1, { "cleanup.policy": "compact" });
    const records = buildBatch({ records: [{ key: Buffer.from("k"), value: null }], timestamp: 1 });
    records.writeInt8(0x7f, 61); // the record's length
    records.writeUInt32BE(new Batch(records).computeCrc(), 17);
    expect(await answered(to("latest", records))).toMatchObject({
      errorCode: ErrorCode.INVALID_RECORD,
      errorMessage: "the records of a batch can't be read",
    });
    expect(broker.partition("latest").end).toBe(0);
  });

  it("K-03: names the new leader after a change", async () => {
    await broker.electElsewhere("words", 2);
    const answer = (await send(to("words", batchOf("a"))))!;
    expect(answer.responses[0]!.partitionResponses[0]).toMatchObject({
      errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER,
      currentLeader: { leaderId: 2, leaderEpoch: 1 },
    });
    // Broker 2 is not there: nobody knows its address.
    expect(answer.nodeEndpoints).toEqual([]);
  });
});
