import { randomBytes } from "node:crypto";
import { AlterPartitionReassignmentsApi } from "@odradek/protocol/messages/alter-partition-reassignments";
import { DescribeTopicPartitionsApi } from "@odradek/protocol/messages/describe-topic-partitions";
import { IncrementalAlterConfigsApi } from "@odradek/protocol/messages/incremental-alter-configs";
import { ListPartitionReassignmentsApi } from "@odradek/protocol/messages/list-partition-reassignments";
import { buildBatch } from "@odradek/protocol";
import { nowMs } from "../batches.ts";
import { differs } from "../case.ts";
import type { Scene } from "../stage.ts";

const BROKER = 4;
const [SET, DELETE] = [0, 1];
const SIDES = ["leader", "follower"];
/** A second of this is nothing beside what lies there. */
const RATE = "1000";

/** Holds back the replication of throttled replicas, or lets it go again. */
async function hold(stage: Scene, isHeld: boolean): Promise<void> {
  const configs = SIDES.map((side) => ({
    name: `${side}.replication.throttled.rate`,
    configOperation: isHeld ? SET : DELETE,
    value: isHeld ? RATE : null,
  }));
  for (const broker of stage.system.brokers.keys()) {
    const resources = [{ resourceType: BROKER, resourceName: String(broker), configs }];
    const { responses } = await stage.call(IncrementalAlterConfigsApi, 1, { resources, validateOnly: false }, broker);
    if (responses[0]!.errorCode !== 0) throw new Error(`holding back: ${responses[0]!.errorMessage}`);
  }
}

const large = (): Buffer => {
  const value = randomBytes(900_000);
  return buildBatch({ records: [{ key: Buffer.from("k"), value }], timestamp: nowMs });
};

export const heldMoveCases = [
  differs(AlterPartitionReassignmentsApi, "moves under way", async (stage) => {
    const throttled = Object.fromEntries(SIDES.map((side) => [`${side}.replication.throttled.replicas`, "*"]));
    const topic = await stage.topic("a", { replicas: [1, 2], settings: throttled });
    await stage.fill(topic, [large(), large(), large(), large()]);
    const asked = (replicas: number[] | null) => ({
      timeoutMs: 10_000,
      topics: [{ name: topic, partitions: [{ partitionIndex: 0, replicas }] }],
    });
    const tell = async (label: string) => {
      const listed = await stage.call(ListPartitionReassignmentsApi, 0, {
        topics: [{ name: topic, partitionIndexes: [0] }],
      });
      stage.tell(`${label}: listed`, listed);
      const { topics } = await stage.call(DescribeTopicPartitionsApi, 0, { topics: [{ name: topic }] });
      stage.tell(`${label}: described`, topics[0]!.partitions);
    };
    /** Brokers hear of it one after the other. */
    const moving = (isMoving: boolean) =>
      stage.until(`${topic} ${isMoving ? "moves" : "stands"}`, async () => {
        const { topics } = await stage.call(ListPartitionReassignmentsApi, 0, {
          topics: [{ name: topic, partitionIndexes: [0] }],
        });
        const { topics: shown } = await stage.call(DescribeTopicPartitionsApi, 0, { topics: [{ name: topic }] });
        return topics.length > 0 === isMoving && shown[0]!.partitions[0]!.replicaNodes.length > 2 === isMoving;
      });
    await hold(stage, true);
    try {
      await stage.ask("to another", asked([3, 1]));
      await moving(true);
      await tell("to another");
      await stage.ask("the same again", asked([3, 1]));
      await tell("the same again");
      await stage.ask("cancelled", asked(null));
      await moving(false);
      await tell("cancelled");
      await stage.ask("cancelled again", asked(null));
    } finally {
      await hold(stage, false);
    }
  }),
];
