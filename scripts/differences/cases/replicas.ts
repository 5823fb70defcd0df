import { AlterPartitionReassignmentsApi } from "@odradek/protocol/messages/alter-partition-reassignments";
import { DescribeClusterApi } from "@odradek/protocol/messages/describe-cluster";
import { DescribeLogDirsApi } from "@odradek/protocol/messages/describe-log-dirs";
import { ElectLeadersApi } from "@odradek/protocol/messages/elect-leaders";
import { ListPartitionReassignmentsApi } from "@odradek/protocol/messages/list-partition-reassignments";
import { MetadataApi } from "@odradek/protocol/messages/metadata";
import { good } from "../batches.ts";
import { differs } from "../case.ts";
import type { Scene } from "../stage.ts";

/** Waits until a partition has these replicas and nothing is under way, and writes down how it stands. */
async function tellReplicas(stage: Scene, topic: string, replicas: readonly number[]): Promise<void> {
  const wanted = JSON.stringify(replicas);
  await stage.until(`${topic} has replicas ${wanted}`, async () => {
    const { topics } = await stage.call(MetadataApi, 9, { topics: [{ name: topic }], allowAutoTopicCreation: false });
    const { replicaNodes, isrNodes } = topics[0]!.partitions[0]!;
    return JSON.stringify(replicaNodes) === wanted && isrNodes.length === replicas.length;
  });
}

export const replicaCases = [
  differs(AlterPartitionReassignmentsApi, "targets", async (stage) => {
    const topic = await stage.topic("a", { partitions: 2, replicas: [1, 2] });
    await stage.fill(topic, [good(3)]);
    const asked = (name: string, replicas: number[] | null, partitionIndex = 0) => ({
      timeoutMs: 10_000,
      topics: [{ name, partitions: [{ partitionIndex, replicas }] }],
    });
    const targets: Record<string, number[] | null> = {
      "an unknown broker": [1, 9],
      "a negative broker": [-1, 1],
      "a broker twice": [1, 1],
      "no broker": [],
      "cancel without a move": null,
    };
    for (const [label, replicas] of Object.entries(targets)) await stage.ask(label, asked(topic, replicas));
    await stage.ask("no such partition", asked(topic, [1], 7));
    await stage.ask("a negative partition", asked(topic, [1], -1));
    await stage.ask("no such topic", asked(stage.name("none"), [1]));
    await stage.ask("cancel of no such topic", asked(stage.name("none"), null));
    await stage.ask("no name", asked("", [1]));
    await stage.ask("nothing", { timeoutMs: 1000, topics: [] });
    await stage.ask("no partitions", { timeoutMs: 1000, topics: [{ name: topic, partitions: [] }] });
    await stage.ask("as it is", asked(topic, [1, 2]));
    await stage.ask("another order", asked(topic, [2, 1]));
    await tellReplicas(stage, topic, [2, 1]);
    const twice = { partitionIndex: 0, replicas: [1, 2] };
    await stage.ask("the same partition twice", {
      timeoutMs: 1000,
      topics: [{ name: topic, partitions: [twice, { ...twice, replicas: [2, 1] }] }],
    });
    await stage.ask("the same topic twice", {
      timeoutMs: 1000,
      topics: [
        { name: topic, partitions: [twice] },
        { name: topic, partitions: [twice] },
      ],
    });
  }),

  differs(AlterPartitionReassignmentsApi, "moves", async (stage) => {
    const topic = await stage.topic("a", { replicas: [1, 2] });
    await stage.fill(topic, [good(3)]);
    const asked = (replicas: number[]) => ({
      timeoutMs: 10_000,
      topics: [{ name: topic, partitions: [{ partitionIndex: 0, replicas }] }],
    });
    await stage.ask("to others", asked([3, 2]));
    await tellReplicas(stage, topic, [3, 2]);
    await stage.ask("to more", asked([3, 2, 1]));
    await tellReplicas(stage, topic, [3, 2, 1]);
    await stage.ask("to fewer", asked([2]));
    await tellReplicas(stage, topic, [2]);
    if (stage.version < 1) return;
    await stage.ask("to more, not allowed", { ...asked([2, 1]), allowReplicationFactorChange: false });
    await stage.ask("to another, not allowed to change", { ...asked([1]), allowReplicationFactorChange: false });
    await tellReplicas(stage, topic, [1]);
  }),

  differs(ListPartitionReassignmentsApi, "nothing moves", async (stage) => {
    const topic = await stage.topic("a");
    await stage.ask("all", { topics: null });
    await stage.ask("one", { topics: [{ name: topic, partitionIndexes: [0] }] });
    await stage.ask("no such partition", { topics: [{ name: topic, partitionIndexes: [5] }] });
    await stage.ask("no such topic", { topics: [{ name: stage.name("none"), partitionIndexes: [0] }] });
    await stage.ask("nothing", { topics: [] });
  }),

  differs(ElectLeadersApi, "elections", async (stage) => {
    const topic = await stage.topic("a", { partitions: 2, replicas: [1, 2] });
    const asked = (name: string, partitions: number[]) => ({
      topicPartitions: [{ topic: name, partitions }],
      timeoutMs: 10_000,
    });
    await stage.ask("not needed", asked(topic, [0, 1]));
    await stage.ask("no such partition", asked(topic, [0, 6]));
    await stage.ask("a negative partition", asked(topic, [-1]));
    await stage.ask("no such topic", asked(stage.name("none"), [0]));
    await stage.ask("no name", asked("", [0]));
    await stage.ask("no partitions", asked(topic, []));
    await stage.ask("nothing", { topicPartitions: [], timeoutMs: 1000 });
    await stage.ask("the same partition twice", asked(topic, [0, 0]));
    const all = await stage.system.ask(1, ElectLeadersApi, stage.version, { topicPartitions: null, timeoutMs: 10_000 });
    stage.tell("all", typeof all === "string" ? all : { ...all, replicaElectionResults: [] });
    if (stage.version < 1) return;
    for (const electionType of [1, 2, -1])
      await stage.ask(`type ${electionType}`, { ...asked(topic, [0]), electionType });
  }),

  differs(DescribeLogDirsApi, "directories", async (stage) => {
    const topic = await stage.topic("a", { partitions: 2, replicas: [1, 2] });
    // Followers have it when it is acknowledged, and before that perhaps no directory yet.
    for (const partition of [0, 1]) await stage.fill(topic, [good(3)], partition);
    const asked = (name: string, partitions: number[]) => ({ topics: [{ topic: name, partitions }] });
    await stage.ask("one", asked(topic, [0]));
    await stage.ask("two", asked(topic, [0, 1]));
    await stage.ask("of a follower", asked(topic, [1]), { broker: 2 });
    await stage.ask("of a stranger", asked(topic, [0]), { broker: 3 });
    await stage.ask("no such partition", asked(topic, [0, 8]));
    await stage.ask("no such topic", asked(stage.name("none"), [0]));
    await stage.ask("no partitions", asked(topic, []));
    await stage.ask("nothing", { topics: [] });
  }),

  differs(DescribeClusterApi, "brokers", async (stage) => {
    await stage.ask("all", { includeClusterAuthorizedOperations: false });
    await stage.ask("operations", { includeClusterAuthorizedOperations: true });
    if (stage.version >= 1)
      for (const endpointType of [0, 2, 3])
        await stage.ask(`endpoint ${endpointType}`, { includeClusterAuthorizedOperations: false, endpointType });
    if (stage.version >= 2)
      await stage.ask("fenced, too", { includeClusterAuthorizedOperations: false, includeFencedBrokers: true });
  }),
];
