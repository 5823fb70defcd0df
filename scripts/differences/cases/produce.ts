import { UUID_ZERO } from "@odradek/protocol";
import { MetadataApi } from "@odradek/protocol/messages/metadata";
import { ProduceApi } from "@odradek/protocol/messages/produce";
import { badBatches, changed, farFutureMs, good, nowMs, record, sequenced } from "../batches.ts";
import { differs } from "../case.ts";
import type { Stage } from "../stage.ts";

type ProduceStage = Stage<typeof ProduceApi>;
type Part = { topic: string; id?: string; index?: number; records: Buffer | null };

/** Longer than a broker takes to answer, for the request that is answered with nothing. */
const SILENCE_MS = 400;

const request = (stage: ProduceStage, parts: readonly Part[], acks = -1) => ({
  acks,
  timeoutMs: 5000,
  topicData: parts.map(({ topic, id, index = 0, records }) => ({
    name: topic,
    topicId: id ?? stage.idOf(topic) ?? UUID_ZERO,
    partitionData: [{ index, records }],
  })),
});

const OFFSETS = "__consumer_offsets";
const unknownId = "AAAAAAAAQAAAAAAAAAAAAQ";

export const produceCases = [
  differs(ProduceApi, "acks", async (stage) => {
    const topic = await stage.topic("a", { replicas: [1, 2, 3] });
    for (const acks of [1, -1, 2, -2])
      await stage.ask(`acks ${acks}`, request(stage, [{ topic, records: good() }], acks));
    const options = { waitMs: SILENCE_MS };
    await stage.ask("acks 0", request(stage, [{ topic, records: good() }], 0), options);
    await stage.ask("acks 0, a bad batch", request(stage, [{ topic, records: badBatches["magic 3"]! }], 0), options);
    await stage.ask("acks 0, no such partition", request(stage, [{ topic, index: 9, records: good() }], 0), options);
    await stage.ask("acks 5, nothing", { acks: 5, timeoutMs: 1000, topicData: [] });
    await stage.ask("nothing", { acks: 1, timeoutMs: 1000, topicData: [] });
    await stage.ask("no partitions", {
      acks: 1,
      timeoutMs: 1000,
      topicData: [{ name: topic, topicId: stage.idOf(topic), partitionData: [] }],
    });
    await stage.tellLog("the log", topic);
  }),

  differs(ProduceApi, "topics and partitions that are not there", async (stage) => {
    const topic = await stage.topic("a", { partitions: 2 });
    const led = await stage.topic("led", { replicas: [2, 1] });
    const none = stage.name("none");
    await stage.ask("no such partition", request(stage, [{ topic, index: 2, records: good() }]));
    await stage.ask("partition -1", request(stage, [{ topic, index: -1, records: good() }]));
    await stage.ask("no such topic", request(stage, [{ topic: none, id: unknownId, records: good() }]));
    await stage.ask("no topic", request(stage, [{ topic: "", id: UUID_ZERO, records: good() }]));
    await stage.ask("no legal name", request(stage, [{ topic: "a b", id: unknownId, records: good() }]));
    await stage.ask("not the leader", request(stage, [{ topic: led, records: good() }]));
    await stage.ask("neither leader nor follower", request(stage, [{ topic: led, records: good() }]), { broker: 3 });
    const mixed = [
      { topic, records: good() },
      { topic, index: 1, records: badBatches["a wrong checksum"]! },
      { topic, index: 7, records: good() },
      { topic: none, id: unknownId, records: good() },
      { topic: led, records: good() },
    ];
    await stage.ask("good and bad ones", request(stage, mixed));
    await stage.tellLog("the log", topic);
  }),

  differs(ProduceApi, "the same partition twice", async (stage) => {
    const topic = await stage.topic("a", { partitions: 2 });
    const partitionData = [
      { index: 0, records: good() },
      { index: 0, records: good(2) },
    ];
    const topicId = stage.idOf(topic);
    await stage.ask("in one topic", { acks: 1, timeoutMs: 5000, topicData: [{ name: topic, topicId, partitionData }] });
    const twice = [
      { topic, records: good() },
      { topic, records: good(2) },
    ];
    await stage.ask("in two topics", request(stage, twice));
    await stage.tellLog("the log", topic);
  }),

  differs(ProduceApi, "batches that are wrong or strange", async (stage) => {
    const batches = Object.entries(badBatches);
    const topic = await stage.topic("a", { partitions: batches.length });
    for (const [index, [name, records]] of batches.entries()) {
      await stage.ask(name, request(stage, [{ topic, index, records }]));
      await stage.tellLog(`${name}: the log`, topic, index);
    }
  }),

  differs(ProduceApi, "codecs", async (stage) => {
    const topic = await stage.topic("a");
    for (const compression of ["gzip", "snappy", "lz4", "zstd"] as const)
      await stage.ask(compression, request(stage, [{ topic, records: good(3, { compression }) }]));
    await stage.tellLog("the log", topic);
  }),

  differs(ProduceApi, "what topics ask for", async (stage) => {
    const compacted = await stage.topic("compacted", { settings: { "cleanup.policy": "compact" } });
    const keyless = good(3, { records: [record("a", "1"), record(null, "2"), record(null, "3")] });
    await stage.ask("no key on a compacted topic", request(stage, [{ topic: compacted, records: keyless }]));
    const zipped = good(2, { records: [record("a", "1"), record(null, "2")], compression: "gzip" });
    await stage.ask("nor in a compressed batch", request(stage, [{ topic: compacted, records: zipped }]));
    await stage.ask(
      "an empty key",
      request(stage, [{ topic: compacted, records: good(1, { records: [record("", "1")] }) }]),
    );
    await stage.tellLog("compacted log", compacted);

    const small = await stage.topic("small", { settings: { "max.message.bytes": "200" } });
    const large = good(1, { records: [record("k", "v".repeat(200))] });
    await stage.ask("too large", request(stage, [{ topic: small, records: large }]));
    await stage.ask(
      "too large with a small one before it",
      request(stage, [{ topic: small, records: Buffer.concat([good(), large]) }]),
    );
    await stage.tellLog("small log", small);

    const appendTime = await stage.topic("append-time", { settings: { "message.timestamp.type": "LogAppendTime" } });
    await stage.ask("log append time", request(stage, [{ topic: appendTime, records: good(2) }]));
    await stage.ask(
      "and a late record",
      request(stage, [{ topic: appendTime, records: good(1, { records: [record("k", "v", farFutureMs)] }) }]),
    );
    await stage.tellLog("append time log", appendTime);

    const bounds = { "message.timestamp.before.max.ms": "1000", "message.timestamp.after.max.ms": "3600000" };
    const recent = await stage.topic("recent", { settings: bounds });
    const old = good(2, { records: [record("k", "v", nowMs + 1000), record("k", "v", nowMs - 60_000_000)] });
    await stage.ask("an old record behind a new one", request(stage, [{ topic: recent, records: old }]));
    const unknown = good(1, { records: [record("k", "v", -1)] });
    await stage.ask("a record without time", request(stage, [{ topic: recent, records: unknown }]));
    await stage.tellLog("recent log", recent);
  }),

  differs(ProduceApi, "compression that the topic asks for", async (stage) => {
    for (const type of ["gzip", "uncompressed"]) {
      const topic = await stage.topic(type, { settings: { "compression.type": type } });
      await stage.ask(`${type} from none`, request(stage, [{ topic, records: good(3) }]));
      await stage.ask(`${type} from gzip`, request(stage, [{ topic, records: good(3, { compression: "gzip" }) }]));
      await stage.ask(`${type} from lz4`, request(stage, [{ topic, records: good(3, { compression: "lz4" }) }]));
      await stage.tellLog(`${type} log`, topic);
    }
  }),

  differs(ProduceApi, "too few replicas in sync", async (stage) => {
    const topic = await stage.topic("a", { replicas: [1, 2], settings: { "min.insync.replicas": "3" } });
    // With acks=1 last, whoever reads next might or might not see it.
    for (const acks of [1, -1]) await stage.ask(`acks ${acks}`, request(stage, [{ topic, records: good() }], acks));
    await stage.tellLog("the log", topic);
  }),

  differs(ProduceApi, "sequences of idempotent producers", async (stage) => {
    const topic = await stage.topic("a");
    const told = async (label: string, records: Buffer, acks = -1) =>
      stage.ask(label, request(stage, [{ topic, records }], acks));
    await told("an unknown producer in the middle", sequenced(770_001, 0, 5));
    await told("an unknown producer at the start", sequenced(770_002, 0, 0, 2));
    await told("its next", sequenced(770_002, 0, 2));
    await told("the same again", sequenced(770_002, 0, 2));
    await told("the one before again", sequenced(770_002, 0, 0, 2), 1);
    await told("a part of it again", sequenced(770_002, 0, 1));
    await told("a gap", sequenced(770_002, 0, 4));
    for (let sequence = 3; sequence < 9; sequence++)
      await told(`sequence ${sequence}`, sequenced(770_002, 0, sequence));
    await told("one out of six again", sequenced(770_002, 0, 4));
    await told("one that is too old again", sequenced(770_002, 0, 0, 2));
    await told("a new epoch in the middle", sequenced(770_002, 2, 3));
    await told("a new epoch", sequenced(770_002, 2, 0));
    await told("an old epoch", sequenced(770_002, 1, 0));
    await told("the oldest epoch", sequenced(770_002, 0, 9));
    await told("two batches of one producer", Buffer.concat([sequenced(770_002, 2, 1), sequenced(770_002, 2, 2)]));
    await told("the last sequence there is", sequenced(770_003, 0, 0x7fff_ffff));
    await told("and around", sequenced(770_003, 0, 0));
    await told("a batch over the edge", sequenced(770_004, 0, 0x7fff_fffe, 4));
    await told("behind the edge", sequenced(770_004, 0, 2));
    await told("a wrong checksum", changed(sequenced(770_002, 2, 1), () => {}).fill(0, 17, 21));
    await stage.tellLog("the log", topic);
  }),

  differs(ProduceApi, "internal topics", async (stage) => {
    await stage.coordinator(stage.name("g"));
    const { topics } = await stage.call(MetadataApi, 12, {
      topics: [{ name: OFFSETS }],
      allowAutoTopicCreation: false,
    });
    const partition = topics[0]!.partitions.find(({ leaderId }) => leaderId === 1)!;
    const parts = [{ topic: OFFSETS, id: topics[0]!.topicId, index: partition.partitionIndex, records: good() }];
    const answer = await stage.system.ask(1, ProduceApi, stage.version, request(stage, parts));
    // Which partition this broker leads is a matter of placement.
    const told = typeof answer === "string" ? [] : answer.responses[0]!.partitionResponses;
    stage.tell(
      "by a client",
      told.map((one) => ({ ...one, index: 0 })),
    );
  }),

  differs(ProduceApi, "transactional ids", async (stage) => {
    const topic = await stage.topic("a");
    const transactional = good(1, { isTransactional: true, producer: { id: 770_005, epoch: 0, baseSequence: 0 } });
    await stage.ask("of nobody", { ...request(stage, [{ topic, records: transactional }]), transactionalId: "nobody" });
    await stage.ask("with a plain batch", {
      ...request(stage, [{ topic, records: good() }]),
      transactionalId: "nobody",
    });
    await stage.tellLog("the log", topic);
  }),
];
