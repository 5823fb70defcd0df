import { VirtualClock } from "@odradek/kit/testing";
import { ErrorCode } from "@odradek/protocol";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { encode, type PartitionNode, paths } from "../cluster/nodes.ts";
import { createTopic } from "../controller/create-topic.ts";
import { MemoryTree } from "../testing/memory-session.ts";
import { passUntil, startTestPair, type TestCluster } from "../testing/test-cluster.ts";
import { electAsked } from "./elect-leaders.ts";

const PREFERRED = 0;
const UNCLEAN = 1;

let clock: VirtualClock;
let one: TestCluster;
let two: TestCluster;

beforeEach(async () => {
  clock = new VirtualClock();
  const tree = new MemoryTree(clock);
  [one, two] = await startTestPair(tree, clock);
  const assignments = [
    [1, 2],
    [2, 1],
  ];
  await createTopic(one.cluster, { name: "words", partitions: -1, replicationFactor: -1, assignments, configs: {} });
});

afterEach(async () => {
  await Promise.all([one, two].map(({ cluster }) => cluster.close()));
});

const partition = (index: number) => one.cluster.image.topics.get("words")!.partitions[index]!;

/** Somebody else writes the partition's node. */
async function write(index: number, change: Partial<PartitionNode>): Promise<void> {
  const { replicas, leader, leaderEpoch, isr } = partition(index);
  const node = { replicas: [...replicas], leader, leaderEpoch, isr: [...isr], ...change };
  const { revision } = one.cluster.image;
  await two.session().set(paths.partition("words", index), encode(node), "any");
  await passUntil(clock, () => one.cluster.image.revision > revision);
}

async function elect(electionType: number, partitions: number[] | null) {
  const topicPartitions = partitions && [{ topic: "words", partitions }];
  const answering = electAsked({ cluster: one.cluster }, { electionType, topicPartitions, timeoutMs: 1000 });
  let isDone = false;
  void answering.then(() => (isDone = true));
  await passUntil(clock, () => isDone);
  const { errorCode, replicaElectionResults } = await answering;
  const results = replicaElectionResults.flatMap(({ partitionResult }) => partitionResult);
  return [errorCode, ...results.map((each) => [each.partitionId, each.errorCode])];
}

describe("ElectLeaders", () => {
  test("the preferred replica leads again, in a new epoch; what needs no election or does not exist says so", async () => {
    await write(0, { leader: 2, leaderEpoch: 7 });
    expect(await elect(PREFERRED, [0, 1, 9])).toEqual([
      0,
      [0, ErrorCode.NONE],
      [1, ErrorCode.ELECTION_NOT_NEEDED],
      [9, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
    ]);
    expect(partition(0)).toMatchObject({ leader: 1, leaderEpoch: 8, isr: [1, 2], replicas: [1, 2] });
    expect(partition(1)).toMatchObject({ leader: 2, leaderEpoch: 0 });
  });

  test("null is every partition, and tells only of those that need one", async () => {
    await write(1, { leader: 1, leaderEpoch: 3 });
    expect(await elect(PREFERRED, null)).toEqual([0, [1, ErrorCode.NONE]]);
    expect(partition(1)).toMatchObject({ leader: 2, leaderEpoch: 4 });
  });

  test("a preferred replica outside the ISR is not elected", async () => {
    await write(0, { leader: 2, isr: [2] });
    expect(await elect(PREFERRED, [0])).toEqual([0, [0, ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE]]);
    expect(partition(0).leader).toBe(2);
  });

  test("P-17: an unclean election needs a partition without leader and a live replica", async () => {
    expect(await elect(UNCLEAN, [0])).toEqual([0, [0, ErrorCode.ELECTION_NOT_NEEDED]]);
    await write(0, { leader: -1, leaderEpoch: 4, isr: [7], replicas: [7, 2] });
    expect(await elect(UNCLEAN, [0])).toEqual([0, [0, ErrorCode.NONE]]);
    expect(partition(0)).toMatchObject({ leader: 2, leaderEpoch: 5, isr: [2] });
    await write(0, { leader: -1, isr: [7], replicas: [7, 8] });
    expect(await elect(UNCLEAN, [0])).toEqual([0, [0, ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE]]);
  });

  test("P-19: an election made from an old picture is decided again from the new one", async () => {
    await write(0, { leader: 2, leaderEpoch: 7 });
    let isFirst = true;
    one.session().beforeMulti = async () => {
      if (isFirst) await two.session().set(paths.partition("words", 0), encode(other), "any");
      isFirst = false;
    };
    const other: PartitionNode = { replicas: [1, 2], leader: 2, leaderEpoch: 9, isr: [2] };
    expect(await elect(PREFERRED, [0])).toEqual([0, [0, ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE]]);
    expect(partition(0)).toMatchObject(other);
  });

  test("an unknown kind of election is refused", async () => {
    expect(await elect(2, [0])).toEqual([ErrorCode.INVALID_REQUEST]);
  });
});
