import { ErrorCode, type FetchRequest } from "@odradek/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { batchOf, LoneBroker, valuesIn } from "../testing/lone-broker.ts";
import { read } from "./fetch.ts";

type Wanted = { index?: number; offset?: number; bytesMax?: number; leaderEpoch?: number; lastEpoch?: number };

const from = (topic: string, wanted: Wanted[], options: Partial<FetchRequest> = {}): FetchRequest => ({
  clusterId: null,
  replicaId: -1,
  replicaState: { replicaId: -1, replicaEpoch: -1 },
  maxWaitMs: 500,
  minBytes: 1,
  maxBytes: 50_000_000,
  isolationLevel: 0,
  sessionId: 0,
  sessionEpoch: -1,
  topics: [
    {
      topic,
      topicId: "",
      partitions: wanted.map(({ index = 0, offset = 0, bytesMax = 1_000_000, leaderEpoch = -1, lastEpoch = -1 }) => ({
        partition: index,
        currentLeaderEpoch: leaderEpoch,
        fetchOffset: offset,
        lastFetchedEpoch: lastEpoch,
        logStartOffset: -1,
        partitionMaxBytes: bytesMax,
        replicaDirectoryId: "",
        highWatermark: Infinity,
      })),
    },
  ],
  forgottenTopicsData: [],
  rackId: "",
  ...options,
});

describe("Fetch", () => {
  let broker: LoneBroker;
  beforeEach(async () => {
    broker = await LoneBroker.start();
    await broker.topic("words", 3);
  });
  const start = (request: FetchRequest) => read(broker.parts, request, broker.scope(12));
  const partitions = async (request: FetchRequest) =>
    (await broker.passing(start(request))).responses.flatMap((topic) => topic.partitions);
  const byId = async (topicId: string, version: number, wanted: Wanted = {}) => {
    const request = from("", [wanted], { maxWaitMs: 10 });
    request.topics[0]!.topicId = topicId;
    return { topicId, answer: await broker.passing(read(broker.parts, request, broker.scope(version))) };
  };
  const write = (...values: string[]) => append(0, ...values);
  const append = async (index: number, ...values: string[]): Promise<void> => {
    const partition = broker.partition("words", index);
    const options = { acks: 1, timeoutMs: 100, origin: "client" } as const;
    await broker.passing(partition.append(batchOf(...values), options));
  };

  it("gives whole batches as stored, from the one that holds the offset", async () => {
    await write("a", "b");
    await write("c");
    const [answer] = await partitions(from("words", [{ offset: 1 }]));
    expect(answer).toMatchObject({ errorCode: 0, highWatermark: 3, lastStableOffset: 3, logStartOffset: 0 });
    expect(valuesIn(answer!.records)).toEqual(["a", "b", "c"]);
    expect(broker.released).toBe(1);
  });

  it("waits for data no longer than maxWaitMs", async () => {
    const startMs = broker.clock.now();
    const [answer] = await partitions(from("words", [{}]));
    expect(broker.clock.now() - startMs).toBeGreaterThanOrEqual(500);
    expect(answer).toMatchObject({ errorCode: 0, highWatermark: 0 });
    expect(valuesIn(answer!.records)).toEqual([]);
  });

  it("answers as soon as one of its partitions has minBytes, and leaves no waiter behind", async () => {
    const waiting = start(from("words", [{ index: 0 }, { index: 1 }, { index: 2 }], { maxWaitMs: 60_000 }));
    await broker.clock.advance(100);
    expect(broker.partition("words", 1).high.waiting).toBe(1);
    const startMs = broker.clock.now();
    await append(2, "x");
    const { responses } = await broker.passing(waiting);
    expect(broker.clock.now() - startMs).toBeLessThan(100);
    expect(responses[0]!.partitions.map(({ records }) => valuesIn(records))).toEqual([[], [], ["x"]]);
    for (const index of [0, 1, 2]) expect(broker.partition("words", index).high.waiting).toBe(0);
  });

  it("gathers until minBytes are there", async () => {
    const waiting = start(from("words", [{}], { minBytes: 200, maxWaitMs: 60_000 }));
    for (const value of ["a", "b", "c"]) {
      await write(value);
      await broker.clock.advance(50);
    }
    const { responses } = await broker.passing(waiting);
    expect(valuesIn(responses[0]!.partitions[0]!.records)).toEqual(["a", "b", "c"]);
    expect(broker.released).toBe(1);
  });

  it("KIP-74: the first partition with data gives a batch however small the bounds, the others keep to them", async () => {
    for (const index of [0, 1, 2]) await append(index, "x".repeat(1000));
    const tight = await partitions(
      from("words", [
        { index: 0, bytesMax: 10 },
        { index: 1, bytesMax: 10 },
      ]),
    );
    expect(tight.map(({ records }) => valuesIn(records).length)).toEqual([1, 0]);
    const all = [{ index: 1 }, { index: 0 }, { index: 2 }];
    const half = await partitions(from("words", all, { maxBytes: 2200 }));
    expect(half.map(({ records }) => valuesIn(records).length)).toEqual([1, 1, 0]);
  });

  it("N-07: what waits for clients that do not read is counted, and the next ones get less", async () => {
    for (const index of [0, 1, 2]) for (let count = 0; count < 3; count++) await append(index, "x".repeat(900));
    broker.held = [];
    const sizes: number[] = [];
    for (const index of [0, 1, 2]) {
      const [answer] = await partitions(from("words", [{ index }]));
      sizes.push(valuesIn(answer!.records).length);
    }
    expect(sizes).toEqual([3, 1, 1]);
    for (const leave of broker.held) leave();
    expect(broker.parts.fetching.held).toBe(0);
    expect(broker.released).toBe(3);
  });

  it("K-07: a change of leadership ends the wait at once", async () => {
    const waiting = start(from("words", [{}], { maxWaitMs: 60_000 }));
    await broker.clock.advance(100);
    const startMs = broker.clock.now();
    await broker.electElsewhere("words", 2);
    const { responses } = await broker.passing(waiting);
    expect(broker.clock.now() - startMs).toBeLessThan(100);
    expect(responses[0]!.partitions[0]).toMatchObject({
      errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER,
      highWatermark: -1,
    });
  });

  it("K-02: from v13 on topics go by id", async () => {
    await write("a");
    const { topicId, answer } = await byId(broker.parts.cluster.image.topics.get("words")!.id, 13);
    expect(answer.responses[0]!.topicId).toBe(topicId);
    expect(valuesIn(answer.responses[0]!.partitions[0]!.records)).toEqual(["a"]);
    await broker.recreate("words");
    const gone = (await byId(topicId, 13)).answer.responses[0]!.partitions[0]!;
    expect(gone).toMatchObject({ errorCode: ErrorCode.UNKNOWN_TOPIC_ID, highWatermark: -1 });
  });

  it("K-03: from v16 on an error names the leader of now, also to a client that believes in an older epoch of ours", async () => {
    const fetched = async (version: number, wanted: Wanted = {}) => {
      const { answer } = await byId(broker.parts.cluster.image.topics.get("words")!.id, version, wanted);
      return { ...answer.responses[0]!.partitions[0]!, nodes: answer.nodeEndpoints };
    };
    await broker.electElsewhere("words", 2);
    expect(await fetched(16)).toMatchObject({
      errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER,
      currentLeader: { leaderId: 2, leaderEpoch: 1 },
    });
    expect((await fetched(15)).currentLeader).toBeUndefined();
    await broker.electElsewhere("words", 1);
    expect(await fetched(16, { leaderEpoch: 0 })).toMatchObject({
      errorCode: ErrorCode.FENCED_LEADER_EPOCH,
      currentLeader: { leaderId: 1, leaderEpoch: 2 },
      nodes: [{ nodeId: 1, port: 9092 }],
    });
  });

  it("answers errors at once, each with its partition", async () => {
    await write("a");
    const startMs = broker.clock.now();
    const wanted = [{ offset: 99 }, { index: 9 }, { index: 1, leaderEpoch: 7 }, { offset: 1 }];
    const answers = await partitions(from("words", wanted, { maxWaitMs: 60_000 }));
    expect(answers.map(({ errorCode }) => errorCode)).toEqual([
      ErrorCode.OFFSET_OUT_OF_RANGE,
      ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
      ErrorCode.UNKNOWN_LEADER_EPOCH,
      ErrorCode.NONE,
    ]);
    expect(answers.slice(0, 3).map(({ logStartOffset }) => logStartOffset)).toEqual([-1, -1, -1]);
    expect(broker.clock.now() - startMs).toBeLessThan(1000);
  });

  describe("sessions (KIP-227)", () => {
    const none = { topics: [], maxWaitMs: 10 };
    const open = async (wanted: Wanted[]): Promise<number> =>
      (await ask(from("words", wanted, { sessionId: 0, sessionEpoch: 0, maxWaitMs: 10 }))).sessionId;
    const ask = async (request: FetchRequest) => {
      const { sessionId = 0, errorCode = 0, responses } = await broker.passing(start(request));
      const told = responses.flatMap(({ partitions }) =>
        partitions.map((one) => [one.partitionIndex, one.errorCode, ...valuesIn(one.records)]),
      );
      return { sessionId, errorCode, told };
    };
    const next = (
      sessionId: number,
      sessionEpoch: number,
      options: Partial<FetchRequest> = {},
      wanted: Wanted[] = [],
    ) =>
      ask({
        ...from("words", wanted),
        ...(wanted.length === 0 ? none : { maxWaitMs: 10 }),
        sessionId,
        sessionEpoch,
        ...options,
      });

    it("after the first answer tells only what has changed", async () => {
      const id = await open([{ index: 0 }, { index: 1 }]);
      expect(id).toBeGreaterThan(0);
      expect(await next(id, 1)).toEqual({ sessionId: id, errorCode: 0, told: [] });
      await append(1, "x");
      expect((await next(id, 2)).told).toEqual([[1, 0, "x"]]);
      // The client moves on in partition 1 and adds partition 2.
      expect((await next(id, 3, {}, [{ index: 1, offset: 1 }, { index: 2 }])).told).toEqual([[2, 0]]);
      await broker.electElsewhere("words", 2, 0);
      const gone = [0, ErrorCode.NOT_LEADER_OR_FOLLOWER];
      expect((await next(id, 4)).told).toEqual([gone]);
      expect((await next(id, 5)).told).toEqual([gone]);
      const forgottenTopicsData = [{ topic: "words", topicId: "", partitions: [0] }];
      expect((await next(id, 6, { forgottenTopicsData })).told).toEqual([]);
    });

    it("gives every partition its turn however much one of them has", async () => {
      const id = await open([{ index: 0 }, { index: 1 }]);
      for (const index of [0, 1]) await append(index, "x".repeat(1000));
      const first = await next(id, 1, { maxBytes: 100 });
      const second = await next(id, 2, { maxBytes: 100 });
      const withRecords = [...first.told, ...second.told].filter(({ length }) => length > 2);
      expect(withRecords.map(([index]) => index)).toEqual([0, 1]);
    });

    it("refuses what is out of turn, and a session it does not know", async () => {
      const id = await open([{}]);
      expect((await next(id, 2)).errorCode).toBe(ErrorCode.INVALID_FETCH_SESSION_EPOCH);
      expect((await next(77, 1)).errorCode).toBe(ErrorCode.FETCH_SESSION_ID_NOT_FOUND);
      const mixed = { ...from("words", []), sessionId: id, sessionEpoch: 1 };
      expect((await broker.passing(read(broker.parts, mixed, broker.scope(13)))).errorCode).toBe(
        ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR,
      );
      expect((await next(id, -1, {}, [{}])).sessionId).toBe(0);
      expect((await next(id, 1)).errorCode).toBe(ErrorCode.FETCH_SESSION_ID_NOT_FOUND);
      expect(broker.parts.sessions.count).toBe(0);
      expect(broker.parts.sessions.partitions).toBe(0);
    });

    it("remembers so many and no more; one that is idle makes room", async () => {
      const ids = [await open([{}]), await open([{}])];
      expect(await open([{}])).toBe(0);
      await broker.clock.advance(119_000);
      await next(ids[1]!, 1);
      await broker.clock.advance(2_000);
      expect(await open([{}])).toBeGreaterThan(0);
      expect((await next(ids[0]!, 1)).errorCode).toBe(ErrorCode.FETCH_SESSION_ID_NOT_FOUND);
      expect((await next(ids[1]!, 2)).errorCode).toBe(0);
      expect(broker.parts.sessions.partitions).toBe(2);
    });
  });

  it("KIP-392: a follower serves who says a rack, up to what it knows to be committed, and nobody else", async () => {
    await write("a");
    await broker.electElsewhere("words", 2);
    const near = { rackId: "r", maxWaitMs: 10 };
    const [served] = await partitions(from("words", [{}], near));
    expect(served).toMatchObject({ errorCode: 0, highWatermark: 1 });
    expect(valuesIn(served!.records)).toEqual(["a"]);
    const [behind] = await partitions(from("words", [{ offset: 9 }], near));
    expect(behind!.errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE);
    const [fenced] = await partitions(from("words", [{ leaderEpoch: 0 }], near));
    expect(fenced!.errorCode).toBe(ErrorCode.FENCED_LEADER_EPOCH);
    const [plain] = await partitions(from("words", [{}], { maxWaitMs: 10 }));
    expect(plain!.errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
    const old = await broker.passing(read(broker.parts, from("words", [{}], near), broker.scope(10)));
    expect(old.responses[0]!.partitions[0]!.errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
  });

  it("N-10: a replica id changes nothing for what may be read", async () => {
    const answers = await partitions(from("words", [{}], { replicaId: 2, maxWaitMs: 10 }));
    expect(answers[0]).toMatchObject({ errorCode: 0, highWatermark: 0 });
  });
});
