import { silentLogger } from "@odradek/kit";
import { VirtualClock } from "@odradek/kit/testing";
import { ErrorCode, UUID_ZERO } from "@odradek/protocol";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { encode, paths } from "../cluster/nodes.ts";
import { MemoryTree } from "../testing/memory-session.ts";
import { passUntil, startTestPair, type TestCluster } from "../testing/test-cluster.ts";
import { grow } from "./create-partitions.ts";
import { create } from "./create-topics.ts";
import { remove } from "./delete-topics.ts";
import { describe as describeCluster } from "./describe-cluster.ts";
import { describe as metadata } from "./metadata.ts";

let clock: VirtualClock;
let tree: MemoryTree;
let one: TestCluster;
let two: TestCluster;

const scope = { version: 12, listener: "PLAINTEXT" };
let suspect = -1;
const replicas = { isSuspect: (leader: number) => leader === suspect };
const parts = () => ({ cluster: one.cluster, config: one.cluster.config, replicas, clock, logger: silentLogger });
const asked = (name: string, more = {}) => ({
  name,
  numPartitions: 1,
  replicationFactor: 1,
  assignments: [],
  configs: [],
  ...more,
});
const topicRequest = (name: string, more = {}, validateOnly = false) => ({
  topics: [asked(name, more)],
  timeoutMs: 1000,
  validateOnly,
});

async function createOne(name: string, more = {}, validateOnly = false) {
  return (await create(parts(), topicRequest(name, more, validateOnly))).topics[0]!;
}

async function metadataOf(names: string[] | null, more = {}) {
  const topics = names?.map((name) => ({ name, topicId: UUID_ZERO })) ?? null;
  const flags = { includeClusterAuthorizedOperations: false, includeTopicAuthorizedOperations: false };
  return metadata(parts(), { topics, allowAutoTopicCreation: true, ...flags, ...more }, scope);
}

/** Lets time pass until it is answered. */
async function passing<T>(answer: Promise<T>): Promise<{ answer: T; afterMs: number }> {
  const startedMs = clock.now();
  let isAnswered = false;
  void answer.then(() => (isAnswered = true));
  await passUntil(clock, () => isAnswered);
  return { answer: await answer, afterMs: clock.now() - startedMs };
}

beforeEach(async () => {
  suspect = -1;
  clock = new VirtualClock();
  tree = new MemoryTree(clock);
  [one, two] = await startTestPair(tree, clock);
});

afterEach(async () => {
  await Promise.all([one, two].map(({ cluster }) => cluster.close()));
});

describe("CreateTopics", () => {
  test("creates what Metadata then shows, and answers the topic's id and settings", async () => {
    const created = await createOne("words", {
      numPartitions: 3,
      replicationFactor: 2,
      configs: [{ name: "retention.ms", value: "1000" }],
    });
    expect(created).toMatchObject({ errorCode: 0, numPartitions: 3, replicationFactor: 2 });
    expect(created.configs!.find(({ name }) => name === "retention.ms")).toMatchObject({
      value: "1000",
      configSource: 1,
    });
    const { topics } = await metadataOf(["words"]);
    expect(topics[0]).toMatchObject({ name: "words", topicId: created.topicId, errorCode: 0 });
    expect(topics[0]!.partitions).toHaveLength(3);
    for (const { leaderId, isrNodes, errorCode } of topics[0]!.partitions) {
      expect(isrNodes).toContain(leaderId);
      expect(errorCode).toBe(0);
    }
  });

  test.each(["does not answer", "has ended"])(
    "answers a retriable error that names the hop when the session with the coordination store %s",
    async (how) => {
      const session = one.session();
      if (how === "has ended") session.expire();
      else session.beforeMulti = () => new Promise(() => {});
      const { answer, afterMs } = await passing(createOne("words"));
      expect(answer.errorCode).toBe(ErrorCode.REQUEST_TIMED_OUT);
      expect(answer.errorMessage).toMatch(/Broker 1 reaches no quorum of the coordination store/);
      expect(afterMs).toBeLessThan(4_000);
    },
  );

  test("R-20: answers retriably and says what to do when the coordination store has no room; deletes go on", async () => {
    await createOne("old");
    tree.hasRoom = false;
    const { answer, afterMs } = await passing(createOne("words"));
    expect(answer.errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR);
    expect(answer.errorMessage).toMatch(/too little disk space.*once some is freed it goes on by itself/);
    expect(afterMs).toBeLessThan(100);
    const removed = await remove(parts(), { topicNames: ["old"], topics: [], timeoutMs: 1000 }, { version: 5 });
    expect(removed.responses[0]!.errorCode).toBe(0);
    tree.hasRoom = true;
    expect((await createOne("words")).errorCode).toBe(0);
  });

  test.each<[string, string, object, number]>([
    ["a name with a space", "a b", {}, ErrorCode.INVALID_TOPIC_EXCEPTION],
    ["no name", "", {}, ErrorCode.INVALID_TOPIC_EXCEPTION],
    ["a name too long", "a".repeat(250), {}, ErrorCode.INVALID_TOPIC_EXCEPTION],
    ["a name that collides", "a_b", {}, ErrorCode.INVALID_TOPIC_EXCEPTION],
    ["a name that exists", "a.b", {}, ErrorCode.TOPIC_ALREADY_EXISTS],
    ["no partitions", "x", { numPartitions: 0 }, ErrorCode.INVALID_PARTITIONS],
    ["more replicas than brokers", "x", { replicationFactor: 3 }, ErrorCode.INVALID_REPLICATION_FACTOR],
    ["no replicas", "x", { replicationFactor: 0 }, ErrorCode.INVALID_REPLICATION_FACTOR],
    ["a bad setting", "x", { configs: [{ name: "retention.ms", value: "abc" }] }, ErrorCode.INVALID_CONFIG],
    ["an unknown setting", "x", { configs: [{ name: "nope", value: "1" }] }, ErrorCode.INVALID_CONFIG],
    ["a setting without value", "x", { configs: [{ name: "retention.ms", value: null }] }, ErrorCode.INVALID_CONFIG],
    [
      "assignments and a count",
      "x",
      { assignments: [{ partitionIndex: 0, brokerIds: [1] }] },
      ErrorCode.INVALID_REQUEST,
    ],
    ["assignments to a stranger", "x", byHand([9]), ErrorCode.INVALID_REPLICA_ASSIGNMENT],
    ["assignments twice to one", "x", byHand([1, 1]), ErrorCode.INVALID_REPLICA_ASSIGNMENT],
    ["assignments of different size", "x", byHand([1], [1, 2]), ErrorCode.INVALID_REPLICA_ASSIGNMENT],
  ])("%s is refused, also when only validated", async (_, name, more, errorCode) => {
    await createOne("a.b");
    const { revision } = tree;
    expect(await createOne(name, more)).toMatchObject({ errorCode });
    expect(await createOne(name, more, true)).toMatchObject({ errorCode });
    expect(tree.revision).toBe(revision);
  });

  test("replicas by hand, defaults by -1, validateOnly, names asked twice", async () => {
    expect(await createOne("hand", byHand([2, 1], [1, 2]))).toMatchObject({
      errorCode: 0,
      numPartitions: 2,
      replicationFactor: 2,
    });
    expect(one.cluster.image.topics.get("hand")!.partitions.map(({ replicas, leader }) => [replicas, leader])).toEqual([
      [[2, 1], 2],
      [[1, 2], 1],
    ]);
    expect(await createOne("defaults", { numPartitions: -1, replicationFactor: -1 })).toMatchObject({
      numPartitions: 1,
      replicationFactor: 1,
    });
    expect(await createOne("only", {}, true)).toMatchObject({ errorCode: 0, numPartitions: 1 });
    expect(one.cluster.image.topics.has("only")).toBe(false);
    const twice = await create(parts(), { topics: [asked("t"), asked("t")], timeoutMs: 1, validateOnly: false });
    expect(twice.topics).toEqual([
      { name: "t", errorCode: ErrorCode.INVALID_REQUEST, errorMessage: "Duplicate topic name." },
    ]);
  });

  test("many topics of one request are created together, spread over the brokers; of names that collide the first one wins", async () => {
    const names = Array.from({ length: 40 }, (_, index) => `many-${index}`);
    const before = tree.revision;
    const { topics } = await create(parts(), {
      topics: [...names, "a.b", "a_b"].map((name) => asked(name)),
      timeoutMs: 1000,
      validateOnly: false,
    });
    expect(topics.map(({ errorCode }) => errorCode)).toEqual([...names.map(() => 0), 0, 17]);
    expect(tree.revision - before).toBe(1);
    const leaders = names.map((name) => one.cluster.image.topics.get(name)!.partitions[0]!.leader);
    expect(leaders.filter((id) => id === 1).length).toBe(20);
  });

  test("what one transaction can't hold, or nobody can create, holds back no other topic of the request", async () => {
    const names = Array.from({ length: 300 }, (_, index) => `many-${index}`);
    const large = asked("large", { numPartitions: 600 });
    const bad = asked("bad", { configs: [{ name: "retention.ms", value: "soon" }] });
    const { topics } = await create(parts(), {
      topics: [
        large,
        ...names.slice(0, 150).map((name) => asked(name)),
        bad,
        ...names.slice(150).map((name) => asked(name)),
      ],
      timeoutMs: 1000,
      validateOnly: false,
    });
    expect(topics.filter(({ errorCode }) => errorCode !== 0).map(({ name }) => name)).toEqual(["bad"]);
    expect(topics[0]).toMatchObject({ name: "large", numPartitions: 600 });
    for (const name of names) expect(one.cluster.image.topics.has(name)).toBe(true);
    expect(one.cluster.image.topics.get("large")!.partitions).toHaveLength(600);
  });

  test("two brokers create some of the same topics at once: each is created by one of them", async () => {
    const [mine, theirs] = [
      ["a", "b", "c"],
      ["c", "d", "b"],
    ] as const;
    const results = await Promise.all(
      [one, two].map(({ cluster }, at) => {
        const topics = (at === 0 ? mine : theirs).map((name) => asked(name));
        return create({ cluster }, { topics, timeoutMs: 1000, validateOnly: false });
      }),
    );
    const created = results.flatMap(({ topics }) => topics.filter(({ errorCode }) => errorCode === 0));
    expect(created.map(({ name }) => name).toSorted()).toEqual(["a", "b", "c", "d"]);
    const refused = results.flatMap(({ topics }) => topics.filter(({ errorCode }) => errorCode !== 0));
    expect(refused.map(({ errorCode }) => errorCode)).toEqual(refused.map(() => ErrorCode.TOPIC_ALREADY_EXISTS));
  });

  test("two brokers create the same topic at once: one succeeds", async () => {
    const results = await Promise.all([one, two].map(({ cluster }) => create({ cluster }, topicRequest("race"))));
    expect(results.map(({ topics }) => topics[0]!.errorCode).toSorted((first, second) => first - second)).toEqual([
      ErrorCode.NONE,
      ErrorCode.TOPIC_ALREADY_EXISTS,
    ]);
  });
});

function byHand(...replicas: number[][]) {
  const assignments = replicas.map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds }));
  return { numPartitions: -1, replicationFactor: -1, assignments };
}

describe("Metadata", () => {
  test("null asks for all topics, an empty list for none, and v0's empty list for all", async () => {
    await createOne("a");
    await createOne("b");
    expect(new Set((await metadataOf(null)).topics.map(({ name }) => name))).toEqual(new Set(["a", "b"]));
    expect((await metadataOf([])).topics).toEqual([]);
    const v0 = await metadata(
      parts(),
      {
        topics: [],
        allowAutoTopicCreation: true,
        includeClusterAuthorizedOperations: false,
        includeTopicAuthorizedOperations: false,
      },
      { ...scope, version: 0 },
    );
    expect(v0.topics).toHaveLength(2);
  });

  test("an unknown topic is created and led when the answer leaves, unless it may not be", async () => {
    const created = (await metadataOf(["fresh"])).topics[0]!;
    expect(created.errorCode).toBe(0);
    expect(created.partitions[0]!.leaderId).toBeGreaterThan(0);
    expect((await metadataOf(["not-me"], { allowAutoTopicCreation: false })).topics[0]!.errorCode).toBe(
      ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    );
    expect((await metadataOf(["a b"])).topics[0]!.errorCode).toBe(ErrorCode.INVALID_TOPIC_EXCEPTION);
    expect(one.cluster.image.topics.size).toBe(1);
  });

  test("a topic that can't be created in time is answered as unknown: the client asks again", async () => {
    one.session().beforeMulti = () => new Promise(() => {}); // the store does not answer
    const asking = metadataOf(["late"]);
    await clock.advance(5_000);
    expect((await asking).topics[0]!.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    one.session().beforeMulti = () => Promise.reject(new Error("no metadata member answers"));
    expect((await metadataOf(["late"])).topics[0]!.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  });

  test("by id: found, or UNKNOWN_TOPIC_ID without a name", async () => {
    const { topicId } = await createOne("words");
    const byId = (id: string) => metadataOf(null, { topics: [{ name: null, topicId: id }] });
    expect((await byId(topicId!)).topics[0]).toMatchObject({ name: "words", errorCode: 0 });
    expect((await byId("AAAAAAAAAAAAAAAAAAAABQ")).topics[0]).toMatchObject({
      name: null,
      errorCode: ErrorCode.UNKNOWN_TOPIC_ID,
    });
  });

  test("only addresses of the listener that was asked; without a live leader the partition says so", async () => {
    await createOne("words", byHand([2, 1]));
    expect((await metadataOf(null)).brokers).toEqual([
      { nodeId: 1, host: "127.0.0.1", port: 9092, rack: null },
      { nodeId: 2, host: "127.0.0.1", port: 9093, rack: null },
    ]);
    await two.cluster.close();
    await passUntil(clock, () => one.cluster.image.brokers.size === 1);
    const { brokers, topics, controllerId } = (await passing(metadataOf(["words"]))).answer;
    expect(brokers.map(({ nodeId }) => nodeId)).toEqual([1]);
    expect(controllerId).toBe(1);
    expect(topics[0]!.partitions[0]).toMatchObject({
      errorCode: ErrorCode.LEADER_NOT_AVAILABLE,
      leaderId: -1,
      offlineReplicas: [2],
    });
    const elsewhere = metadata(
      parts(),
      {
        topics: null,
        allowAutoTopicCreation: false,
        includeClusterAuthorizedOperations: false,
        includeTopicAuthorizedOperations: false,
      },
      { version: 12, listener: "other" },
    );
    const { answer } = await passing(elsewhere);
    expect(answer.brokers).toEqual([]);
    expect(answer.topics[0]!.partitions[0]!.leaderId).toBe(-1);
  });

  test("while a leader is dying the answer waits for the next one, at most a second", async () => {
    await createOne("words", byHand([2, 1]));
    await createOne("others", byHand([1]));
    suspect = 2;
    const inVain = await passing(metadataOf(["words"]));
    expect(inVain.answer.topics[0]!.partitions[0]!.leaderId).toBe(2);
    expect(inVain.afterMs).toBeGreaterThanOrEqual(1_000);
    expect(inVain.afterMs).toBeLessThan(1_200);
    expect((await passing(metadataOf(["others"]))).afterMs).toBeLessThan(100);

    const waiting = passing(metadataOf(["words"]));
    await clock.advance(400);
    const { replicas: placed, leaderEpoch } = one.cluster.image.topics.get("words")!.partitions[0]!;
    const node = { replicas: placed, leader: 1, leaderEpoch: leaderEpoch + 1, isr: [1] };
    await one.cluster.session.set(paths.partition("words", 0), encode(node), "any");
    const answered = await waiting;
    expect(answered.answer.topics[0]!.partitions[0]!.leaderId).toBe(1);
    expect(answered.afterMs).toBeLessThan(600);
  });
});

describe("DeleteTopics and CreatePartitions", () => {
  test("by name and by id; a topic created again has another id", async () => {
    const { topicId } = await createOne("words", { configs: [{ name: "retention.ms", value: "1" }] });
    const gone = await remove(parts(), { topics: [], topicNames: ["words", "nope"], timeoutMs: 1 }, scope);
    expect(gone.responses.map(({ errorCode }) => errorCode)).toEqual([0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]);
    expect(one.cluster.image.topicConfigs.has("words")).toBe(false);
    const again = await createOne("words");
    expect(again.topicId).not.toBe(topicId);
    const byId = (id: string) =>
      remove(parts(), { topics: [{ name: null, topicId: id }], topicNames: [], timeoutMs: 1 }, scope);
    expect((await byId(topicId!)).responses[0]!.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_ID);
    expect((await byId(again.topicId!)).responses[0]).toMatchObject({ errorCode: 0, name: "words" });
  });

  test("partitions can only become more", async () => {
    await createOne("words", { numPartitions: 2, replicationFactor: 2 });
    const to = async (count: number, assignments: number[][] | null = null, validateOnly = false) => {
      const replicas = assignments && assignments.map((brokerIds) => ({ brokerIds }));
      const { results } = await grow(parts(), {
        topics: [{ name: "words", count, assignments: replicas }],
        timeoutMs: 1,
        validateOnly,
      });
      return results[0]!;
    };
    expect(await to(2)).toMatchObject({
      errorCode: ErrorCode.INVALID_PARTITIONS,
      errorMessage: "Topic already has 2 partition(s).",
    });
    expect((await to(1)).errorCode).toBe(ErrorCode.INVALID_PARTITIONS);
    expect((await to(4, [[1, 2]])).errorCode).toBe(ErrorCode.INVALID_REPLICA_ASSIGNMENT);
    expect((await to(3, [[1]])).errorCode).toBe(ErrorCode.INVALID_REPLICA_ASSIGNMENT);
    expect((await to(3, [[1, 2]], true)).errorCode).toBe(0);
    expect(one.cluster.image.topics.get("words")!.partitions).toHaveLength(2);
    expect((await to(3, [[2, 1]])).errorCode).toBe(0);
    expect((await to(700)).errorCode).toBe(0);
    const { partitions } = one.cluster.image.topics.get("words")!;
    expect(partitions).toHaveLength(700);
    expect(partitions[2]!.replicas).toEqual([2, 1]);
    expect(partitions.every(({ replicas, leader }) => replicas.length === 2 && leader > 0)).toBe(true);
  });
});

test("DescribeCluster: live brokers, and those that are away on request", async () => {
  await two.cluster.close();
  await passUntil(clock, () => one.cluster.image.brokers.size === 1);
  const request = { includeClusterAuthorizedOperations: true, endpointType: 1, includeFencedBrokers: false };
  const answer = await describeCluster(parts(), request, scope);
  expect(answer).toMatchObject({
    errorCode: 0,
    clusterId: "memory-cluster-id-0001",
    controllerId: 1,
    clusterAuthorizedOperations: 8096,
  });
  expect(answer.brokers.map(({ brokerId }) => brokerId)).toEqual([1]);
  const withFenced = await describeCluster(parts(), { ...request, includeFencedBrokers: true }, scope);
  expect(withFenced.brokers.map(({ brokerId, isFenced }) => [brokerId, isFenced])).toEqual([
    [1, false],
    [2, true],
  ]);
  expect((await describeCluster(parts(), { ...request, endpointType: 2 }, scope)).errorCode).toBe(
    ErrorCode.MISMATCHED_ENDPOINT_TYPE,
  );
});
