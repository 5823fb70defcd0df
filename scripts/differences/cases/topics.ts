import { CreateTopicsApi } from "@odradek/protocol/messages/create-topics";
import { DeleteTopicsApi } from "@odradek/protocol/messages/delete-topics";
import { DescribeTopicPartitionsApi } from "@odradek/protocol/messages/describe-topic-partitions";
import { MetadataApi } from "@odradek/protocol/messages/metadata";
import { UUID_ZERO } from "@odradek/protocol";
import { differs } from "../case.ts";

type Asked = {
  name: string;
  partitions?: number;
  factor?: number;
  assignments?: Record<number, number[]>;
  configs?: Record<string, string | null>;
};

const unknownId = "AAAAAAAAQAAAAAAAAAAAAQ";

const spec = ({ name, partitions = 1, factor = 1, assignments, configs = {} }: Asked) => ({
  name,
  numPartitions: assignments === undefined || partitions !== 1 ? partitions : -1,
  replicationFactor: assignments === undefined || factor !== 1 ? factor : -1,
  assignments: Object.entries(assignments ?? {}).map(([index, brokerIds]) => ({
    partitionIndex: Number(index),
    brokerIds,
  })),
  configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
});

const tried = (...topics: Asked[]) => ({ topics: topics.map(spec), timeoutMs: 10_000, validateOnly: true });

export const topicCases = [
  differs(CreateTopicsApi, "names", async (stage) => {
    const topic = await stage.topic("a.b");
    const names = [
      "",
      ".",
      "..",
      "...",
      "a b",
      "a/b",
      "ä",
      "a".repeat(249),
      "a".repeat(250),
      topic,
      topic.replace("a.b", "a_b"),
    ];
    for (const name of names) await stage.ask(`"${name.slice(-20)}" ${name.length}`, tried({ name }));
    await stage.ask("twice", tried({ name: stage.name("x") }, { name: stage.name("x"), partitions: 2 }));
    await stage.ask(
      "twice and another",
      tried({ name: stage.name("x") }, { name: stage.name("y") }, { name: stage.name("x") }),
    );
    await stage.ask("two that collide", tried({ name: stage.name("x.y") }, { name: stage.name("x_y") }));
    await stage.ask("nothing", tried());
  }),

  differs(CreateTopicsApi, "numbers", async (stage) => {
    const name = stage.name("x");
    for (const partitions of [1, 0, -2, 3]) await stage.ask(`${partitions} partitions`, tried({ name, partitions }));
    for (const factor of [3, 0, -2, 4, 32_767]) await stage.ask(`${factor} replicas`, tried({ name, factor }));
    if (stage.version >= 4) await stage.ask("defaults", tried({ name, partitions: -1, factor: -1 }));
    else await stage.ask("no defaults", tried({ name, partitions: -1, factor: -1 }));
    await stage.ask("both wrong", tried({ name, partitions: 0, factor: 0 }));
  }),

  differs(CreateTopicsApi, "replicas by hand", async (stage) => {
    const name = stage.name("x");
    const lists: Record<string, Asked> = {
      right: { name, assignments: { 0: [2, 1], 1: [3, 2] } },
      "not in order": { name, assignments: { 1: [2, 1], 0: [3, 2] } },
      "a partition is missing": { name, assignments: { 0: [1], 2: [2] } },
      "begins at 1": { name, assignments: { 1: [1] } },
      "a negative partition": { name, assignments: { [-1]: [1] } },
      "an unknown broker": { name, assignments: { 0: [1, 9] } },
      "a negative broker": { name, assignments: { 0: [-1] } },
      "a broker twice": { name, assignments: { 0: [1, 1] } },
      "no broker": { name, assignments: { 0: [] } },
      "lists of different length": { name, assignments: { 0: [1, 2], 1: [1] } },
      "with partitions": { name, partitions: 2, assignments: { 0: [1], 1: [2] } },
      "with replicas": { name, factor: 2, assignments: { 0: [1, 2] } },
    };
    for (const [label, asked] of Object.entries(lists)) await stage.ask(label, tried(asked));
    await stage.ask("the same partition twice", {
      ...tried(),
      topics: [
        {
          ...spec({ name, assignments: { 0: [1] } }),
          assignments: [
            { partitionIndex: 0, brokerIds: [1] },
            { partitionIndex: 0, brokerIds: [2] },
          ],
        },
      ],
    });
  }),

  differs(CreateTopicsApi, "settings", async (stage) => {
    const name = stage.name("x");
    const settings: Record<string, Record<string, string | null>> = {
      "of Kafka": { "retention.ms": "1000", "cleanup.policy": "compact,delete" },
      "unknown name": { "no.such.setting": "1" },
      "no name": { "": "1" },
      "no number": { "retention.ms": "long" },
      "too small": { "segment.bytes": "1" },
      "no policy": { "cleanup.policy": "burn" },
      "an empty policy": { "cleanup.policy": "" },
      "a policy twice": { "cleanup.policy": "compact,compact" },
      "no value": { "retention.ms": null },
      "an empty value": { "retention.ms": "" },
      spaces: { "retention.ms": " 1000 " },
      "no boolean": { preallocate: "maybe" },
      "a boolean in capitals": { preallocate: "TRUE" },
      "too many in sync": { "min.insync.replicas": "9" },
      "none in sync": { "min.insync.replicas": "0" },
      "lags that don't fit": { "min.compaction.lag.ms": "10", "max.compaction.lag.ms": "5" },
      "a ratio": { "min.cleanable.dirty.ratio": "1.5" },
      "a throttled list": { "leader.replication.throttled.replicas": "0:1,1:2" },
      "a wrong throttled list": { "leader.replication.throttled.replicas": "0-1" },
      compression: { "compression.type": "brotli" },
      "a timestamp type": { "message.timestamp.type": "Never" },
      "removed in Kafka 4": { "message.format.version": "3.0" },
      tiered: { "remote.storage.enable": "true" },
      "local retention above retention": { "retention.ms": "10", "local.retention.ms": "20" },
    };
    for (const [label, configs] of Object.entries(settings)) await stage.ask(label, tried({ name, configs }));
    const twice = [
      { name: "retention.ms", value: "1" },
      { name: "retention.ms", value: "2" },
    ];
    await stage.ask("the same setting twice", { ...tried(), topics: [{ ...spec({ name }), configs: twice }] });
  }),

  differs(CreateTopicsApi, "in earnest", async (stage) => {
    const name = stage.name("real");
    const answer = await stage.ask("made", {
      topics: [spec({ name, assignments: { 0: [1, 2], 1: [2, 3] } })],
      timeoutMs: 10_000,
    });
    if (typeof answer === "string") return;
    const { topicId } = (await stage.call(MetadataApi, 12, { topics: [{ name }] })).topics[0]!;
    await stage.adopt(name, topicId, { partitions: 2, replicas: 2 });
    await stage.ask("again", { topics: [spec({ name, assignments: { 0: [1] } })], timeoutMs: 10_000 });
    await stage.ask("again, only tried", tried({ name }));
  }),

  differs(DeleteTopicsApi, "topics that are not there", async (stage) => {
    const timeoutMs = 10_000;
    const none = stage.name("none");
    if (stage.version < 6) {
      for (const names of [[none], [""], [none, none], ["a b"], []])
        await stage.ask(`names ${names.length} ${names.join("|").length}`, { topicNames: names, timeoutMs });
      const topic = await stage.topic("a");
      await stage.ask("one that is and one that is not", { topicNames: [topic, none], timeoutMs });
      await stage.ask("again", { topicNames: [topic], timeoutMs });
      const twice = await stage.topic("twice");
      await stage.ask("twice in one request", { topicNames: [twice, twice], timeoutMs });
      return;
    }
    const topic = await stage.topic("a");
    const other = await stage.topic("b");
    const topicId = stage.idOf(topic);
    const asked = (...topics: { name: string | null; topicId: string }[]) => ({ topics, timeoutMs });
    await stage.ask("no such name", asked({ name: none, topicId: UUID_ZERO }));
    await stage.ask("no such id", asked({ name: null, topicId: unknownId }));
    await stage.ask("neither", asked({ name: null, topicId: UUID_ZERO }));
    await stage.ask("both", asked({ name: topic, topicId }));
    await stage.ask("the same id twice", asked({ name: null, topicId }, { name: null, topicId }));
    await stage.ask("by name and by id", asked({ name: topic, topicId: UUID_ZERO }, { name: null, topicId }));
    await stage.ask("nothing", asked());
    await stage.ask("by id", asked({ name: null, topicId: stage.idOf(other) }));
    await stage.ask("by id again", asked({ name: null, topicId: stage.idOf(other) }));
  }),

  differs(MetadataApi, "topics", async (stage) => {
    const topic = await stage.topic("a", { partitions: 2, replicas: [1, 3] });
    const none = stage.name("none");
    const rest = stage.version >= 4 ? { allowAutoTopicCreation: false } : {};
    await stage.ask("one", { topics: [{ name: topic }], ...rest });
    if (stage.version >= 1) await stage.ask("nothing", { topics: [], ...rest });
    if (stage.version < 4) return;
    for (const name of [none, "", "a b", "."]) await stage.ask(`"${name.slice(-4)}"`, { topics: [{ name }], ...rest });
    await stage.ask("twice", { topics: [{ name: topic }, { name: topic }], ...rest });
    if (stage.version >= 8)
      await stage.ask("with operations", {
        topics: [{ name: topic }],
        ...rest,
        includeTopicAuthorizedOperations: true,
      });
    if (stage.version < 12) return;
    await stage.ask("by id", { topics: [{ name: null, topicId: stage.idOf(topic) }], ...rest });
    await stage.ask("no such id", { topics: [{ name: null, topicId: unknownId }], ...rest });
    await stage.ask("neither", { topics: [{ name: null, topicId: UUID_ZERO }], ...rest });
    await stage.ask("both", { topics: [{ name: none, topicId: stage.idOf(topic) }], ...rest });
  }),

  differs(DescribeTopicPartitionsApi, "pages", async (stage) => {
    const first = await stage.topic("a", { partitions: 3, replicas: [1, 2] });
    const second = await stage.topic("b", { partitions: 2 });
    const none = stage.name("none");
    const topics = [{ name: second }, { name: first }];
    await stage.ask("both", { topics });
    for (const responsePartitionLimit of [1, 2, 3, 4, 5, 0, -1])
      await stage.ask(`at most ${responsePartitionLimit}`, { topics, responsePartitionLimit });
    const at = (topicName: string, partitionIndex: number) => ({
      topics,
      cursor: { topicName, partitionIndex },
      responsePartitionLimit: 2,
    });
    for (const index of [0, 1, 2, 3, 99, -1]) await stage.ask(`from ${index}`, at(first, index));
    await stage.ask("from the second", at(second, 1));
    await stage.ask("from before", at("0", 0));
    await stage.ask("from between", at(`${first}a`, 0));
    await stage.ask("from behind", at("~", 0));
    await stage.ask("no such topic", { topics: [{ name: none }] });
    await stage.ask("no legal name", { topics: [{ name: "a b" }] });
    await stage.ask("no name", { topics: [{ name: "" }] });
    await stage.ask("one that is and one that is not", { topics: [{ name: first }, { name: none }] });
    await stage.ask("twice", { topics: [{ name: first }, { name: first }] });
    await stage.ask("a cursor at a topic that is not there", {
      topics: [{ name: none }],
      cursor: { topicName: none, partitionIndex: 0 },
    });
  }),
];
