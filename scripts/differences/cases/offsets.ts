import { CreatePartitionsApi } from "@odradek/protocol/messages/create-partitions";
import { DeleteRecordsApi } from "@odradek/protocol/messages/delete-records";
import { DescribeProducersApi } from "@odradek/protocol/messages/describe-producers";
import { InitProducerIdApi } from "@odradek/protocol/messages/init-producer-id";
import { ListOffsetsApi } from "@odradek/protocol/messages/list-offsets";
import { OffsetForLeaderEpochApi } from "@odradek/protocol/messages/offset-for-leader-epoch";
import { good, nowMs, record, sequenced } from "../batches.ts";
import { differs } from "../case.ts";

const timed = (...timestamps: number[]): Buffer =>
  good(1, { records: timestamps.map((timestamp) => record("k", "v", timestamp)) });

export const offsetCases = [
  differs(ListOffsetsApi, "timestamps", async (stage) => {
    const topic = await stage.topic("a", { replicas: [1, 2] });
    const empty = await stage.topic("empty");
    await stage.fill(topic, [timed(nowMs, nowMs + 500), timed(nowMs + 100), timed(nowMs + 300, nowMs + 200)]);
    const asked = (name: string, timestamp: number, partitionIndex = 0) => ({
      replicaId: -1,
      topics: [{ name, partitions: [{ partitionIndex, timestamp }] }],
      timeoutMs: 5000,
    });
    const times = {
      before: 0,
      first: nowMs,
      second: nowMs + 1,
      between: nowMs + 201,
      last: nowMs + 500,
      after: nowMs + 501,
    };
    for (const [label, timestamp] of Object.entries(times)) await stage.ask(label, asked(topic, timestamp));
    for (const special of [-1, -2, -3, -4, -5, -6, -7, -100]) {
      await stage.ask(`special ${special}`, asked(topic, special));
      await stage.ask(`special ${special} of nothing`, asked(empty, special));
    }
    await stage.ask("a time of nothing", asked(empty, nowMs));
    await stage.ask("no such partition", asked(topic, -1, 4));
    await stage.ask("no such topic", asked(stage.name("none"), -1));
    await stage.ask("of a follower", asked(topic, -1), { broker: 2 });
    await stage.ask("of a stranger", asked(topic, -1), { broker: 3 });
    for (const replicaId of [-2, -3, 2, 99])
      await stage.ask(`replica ${replicaId}`, { ...asked(topic, -1), replicaId });
    if (stage.version >= 2)
      for (const isolationLevel of [1, 2])
        await stage.ask(`isolation ${isolationLevel}`, { ...asked(topic, -1), isolationLevel });
    for (const currentLeaderEpoch of [0, 1, -1])
      await stage.ask(`leader epoch ${currentLeaderEpoch}`, {
        ...asked(topic, -1),
        topics: [{ name: topic, partitions: [{ partitionIndex: 0, currentLeaderEpoch, timestamp: -1 }] }],
      });
    await stage.ask("the same partition twice", {
      ...asked(topic, -1),
      topics: [
        {
          name: topic,
          partitions: [
            { partitionIndex: 0, timestamp: -1 },
            { partitionIndex: 0, timestamp: -2 },
          ],
        },
      ],
    });
    await stage.ask("nothing", { replicaId: -1, topics: [] });
  }),

  differs(DeleteRecordsApi, "offsets", async (stage) => {
    const topic = await stage.topic("a", { partitions: 2, replicas: [1, 2] });
    const compacted = await stage.topic("compacted", { settings: { "cleanup.policy": "compact" } });
    const both = await stage.topic("both", { settings: { "cleanup.policy": "compact,delete" } });
    for (const name of [topic, compacted, both]) await stage.fill(name, [good(2), good(1), good(3)]);
    const asked = (name: string, offset: number, partitionIndex = 0) => ({
      topics: [{ name, partitions: [{ partitionIndex, offset }] }],
      timeoutMs: 5000,
    });
    for (const offset of [1, 0, 3, 1, 7, -2, -1, 6, 6])
      await stage.ask(`${stage.transcript.size}: up to ${offset}`, asked(topic, offset));
    await stage.ask("on a compacted topic", asked(compacted, 2));
    await stage.ask("on one with both policies", asked(both, 2));
    await stage.ask("no such partition", asked(topic, 0, 7));
    await stage.ask("no such topic", asked(stage.name("none"), 0));
    await stage.ask("of a follower", asked(topic, 0), { broker: 2 });
    await stage.ask("of an empty partition", asked(topic, 0, 1));
    await stage.ask("behind an empty partition", asked(topic, 1, 1));
    await stage.tellLog("the log", topic);
  }),

  differs(OffsetForLeaderEpochApi, "epochs", async (stage) => {
    const topic = await stage.topic("a", { replicas: [1, 2] });
    const empty = await stage.topic("empty");
    await stage.fill(topic, [good(2)]);
    const asked = (name: string, leaderEpoch: number, rest: object = {}, partition = 0) => ({
      replicaId: -1,
      topics: [{ topic: name, partitions: [{ partition, leaderEpoch, ...rest }] }],
    });
    for (const epoch of [0, 1, -1, -2]) {
      await stage.ask(`epoch ${epoch}`, asked(topic, epoch));
      await stage.ask(`epoch ${epoch} of nothing`, asked(empty, epoch));
      await stage.ask(`as if the epoch were ${epoch}`, asked(topic, 0, { currentLeaderEpoch: epoch }));
    }
    await stage.ask("no such partition", asked(topic, 0, {}, 4));
    await stage.ask("no such topic", asked(stage.name("none"), 0));
    await stage.ask("of a follower", asked(topic, 0), { broker: 2 });
    await stage.ask("of a stranger", asked(topic, 0), { broker: 3 });
    await stage.ask("nothing", { replicaId: -1, topics: [] });
  }),

  differs(DescribeProducersApi, "producers", async (stage) => {
    const topic = await stage.topic("a", { partitions: 2, replicas: [1, 2] });
    await stage.fill(topic, [sequenced(770_020, 0, 0, 2), sequenced(770_021, 3, 0), sequenced(770_020, 0, 2), good()]);
    const asked = (name: string, partitionIndexes: number[]) => ({ topics: [{ name, partitionIndexes }] });
    await stage.ask("two and none", asked(topic, [0, 1]));
    await stage.ask("of a follower", asked(topic, [1]), { broker: 2 });
    await stage.ask("of a stranger", asked(topic, [0]), { broker: 3 });
    await stage.ask("no such partition", asked(topic, [5]));
    await stage.ask("no such topic", asked(stage.name("none"), [0]));
    await stage.ask("nothing", { topics: [] });
  }),

  differs(InitProducerIdApi, "producer ids", async (stage) => {
    await stage.ask("a new one", { transactionalId: null, transactionTimeoutMs: 60_000 });
    await stage.ask("a timeout of nothing", { transactionalId: null, transactionTimeoutMs: 0 });
    await stage.ask("no transactional id", { transactionalId: "", transactionTimeoutMs: 60_000 });
    if (stage.version < 3) return;
    const known = { transactionalId: null, transactionTimeoutMs: 60_000 };
    await stage.ask("one that is known", { ...known, producerId: 5, producerEpoch: 3 });
    await stage.ask("an epoch alone", { ...known, producerId: -1, producerEpoch: 3 });
    await stage.ask("an id alone", { ...known, producerId: 5, producerEpoch: -1 });
  }),

  differs(CreatePartitionsApi, "growth", async (stage) => {
    const topic = await stage.topic("a", { partitions: 2, replicas: [1, 2] });
    const other = await stage.topic("b");
    type Grown = { name: string; count: number; assignments: { brokerIds: number[] }[] | null };
    const asked = (topics: Grown[], validateOnly = true) => ({ topics, timeoutMs: 10_000, validateOnly });
    const byHand = (...lists: number[][]) => lists.map((brokerIds) => ({ brokerIds }));
    for (const count of [3, 2, 1, 0, -1, 20_000])
      await stage.ask(`to ${count}`, asked([{ name: topic, count, assignments: null }]));
    const manual: Record<string, number[][]> = {
      "by hand": [[2, 1]],
      "too many lists": [
        [1, 2],
        [2, 1],
      ],
      "no list": [],
      "an empty list": [[]],
      "another replication factor": [[1]],
      "an unknown broker": [[1, 9]],
      "a broker twice": [[1, 1]],
      "a negative broker": [[1, -1]],
    };
    for (const [label, lists] of Object.entries(manual))
      await stage.ask(label, asked([{ name: topic, count: 3, assignments: byHand(...lists) }]));
    await stage.ask("no such topic", asked([{ name: stage.name("none"), count: 3, assignments: null }]));
    await stage.ask("no name", asked([{ name: "", count: 3, assignments: null }]));
    const twice = { name: topic, count: 3, assignments: null };
    await stage.ask("twice", asked([twice, twice]));
    await stage.ask("twice, and another", asked([twice, { ...twice, count: 4 }, { ...twice, name: other }]));
    await stage.ask("nothing", asked([]));
    await stage.ask("in earnest", asked([{ name: other, count: 2, assignments: byHand([3]) }], false));
  }),
];
