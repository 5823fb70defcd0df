import { UUID_ZERO } from "@odradek/protocol";
import { FetchApi } from "@odradek/protocol/messages/fetch";
import { good, sequenced } from "../batches.ts";
import { differs } from "../case.ts";
import type { Stage } from "../stage.ts";

type FetchStage = Stage<typeof FetchApi>;
type Part = {
  topic: string;
  id?: string;
  partition?: number;
  fetchOffset?: number;
  partitionMaxBytes?: number;
  currentLeaderEpoch?: number;
  lastFetchedEpoch?: number;
};

const unknownId = "AAAAAAAAQAAAAAAAAAAAAQ";
const SESSIONS_SINCE = 7;
/** Longer than a busy machine takes to answer at once. */
const WAIT_MS = 1000;

const asked = (stage: FetchStage, parts: readonly Part[]) =>
  parts.map(({ topic, id, partition = 0, fetchOffset = 0, partitionMaxBytes = 1_000_000, ...rest }) => ({
    topic,
    topicId: id ?? stage.idOf(topic) ?? UUID_ZERO,
    partitions: [{ partition, fetchOffset, partitionMaxBytes, ...rest }],
  }));

const request = (stage: FetchStage, parts: readonly Part[]) => ({
  maxWaitMs: 0,
  minBytes: 0,
  topics: asked(stage, parts),
});

const BATCHES = [good(2), good(1), good(3)];

export const fetchCases = [
  differs(FetchApi, "offsets", async (stage) => {
    const topic = await stage.topic("a", { replicas: [1, 2] });
    await stage.fill(topic, BATCHES);
    for (const fetchOffset of [0, 1, 2, 5, 6, 7, 1000, -1])
      await stage.ask(`offset ${fetchOffset}`, request(stage, [{ topic, fetchOffset }]));
    for (const isolationLevel of [1, 2, -1])
      await stage.ask(`isolation ${isolationLevel}`, { ...request(stage, [{ topic }]), isolationLevel });
    for (const currentLeaderEpoch of [0, 1, -1, -2])
      await stage.ask(`leader epoch ${currentLeaderEpoch}`, request(stage, [{ topic, currentLeaderEpoch }]));
    await stage.ask("a rack", { ...request(stage, [{ topic }]), rackId: "somewhere" });
    await stage.ask("of a follower", request(stage, [{ topic }]), { broker: 2 });
    await stage.ask("of a stranger", request(stage, [{ topic }]), { broker: 3 });
    await stage.ask("of a follower, with a rack", { ...request(stage, [{ topic }]), rackId: "here" }, { broker: 2 });
  }),

  differs(FetchApi, "bytes", async (stage) => {
    const topic = await stage.topic("a", { partitions: 2 });
    await stage.fill(topic, BATCHES);
    await stage.fill(topic, BATCHES, 1);
    const both = [{ topic }, { topic, partition: 1 }];
    for (const bytes of [0, 1, 150, -1]) {
      await stage.ask(`at most ${bytes}`, { ...request(stage, both), maxBytes: bytes });
      const small = both.map((one) => ({ ...one, partitionMaxBytes: bytes }));
      await stage.ask(`at most ${bytes} a partition`, request(stage, small));
    }
    await stage.ask("the same partition twice", request(stage, [{ topic }, { topic, fetchOffset: 2 }]));
    await stage.ask("nothing", { maxWaitMs: 0, minBytes: 0, topics: [] });
    await stage.ask("no partitions", {
      maxWaitMs: 0,
      minBytes: 0,
      topics: [{ topic, topicId: stage.idOf(topic), partitions: [] }],
    });
  }),

  differs(FetchApi, "codecs", async (stage) => {
    for (const compression of ["gzip", "zstd"] as const) {
      const topic = await stage.topic(compression);
      await stage.fill(topic, [good(3, { compression })]);
      await stage.ask(compression, request(stage, [{ topic }]));
    }
    const asked = await stage.topic("asked", { settings: { "compression.type": "zstd" } });
    await stage.fill(asked, [good(3)]);
    await stage.ask("asked for by the topic", request(stage, [{ topic: asked }]));
  }),

  differs(FetchApi, "waiting", async (stage) => {
    const topic = await stage.topic("a");
    await stage.fill(topic, BATCHES);
    const waited = async (label: string, draft: { maxWaitMs: number; minBytes: number }, parts: Part[]) => {
      const startedMs = performance.now();
      await stage.ask(label, { ...request(stage, parts), ...draft });
      stage.tell(`${label}: waits`, performance.now() - startedMs > 0.8 * WAIT_MS);
    };
    await waited("enough", { maxWaitMs: WAIT_MS, minBytes: 1 }, [{ topic }]);
    await waited("not enough", { maxWaitMs: WAIT_MS, minBytes: 100_000 }, [{ topic }]);
    await waited("at the end", { maxWaitMs: WAIT_MS, minBytes: 1 }, [{ topic, fetchOffset: 6 }]);
    await waited("at the end, no bytes asked", { maxWaitMs: WAIT_MS, minBytes: 0 }, [{ topic, fetchOffset: 6 }]);
    await waited("an error", { maxWaitMs: WAIT_MS, minBytes: 1 }, [
      { topic, fetchOffset: 6 },
      { topic, partition: 8 },
    ]);
    await waited("out of range", { maxWaitMs: WAIT_MS, minBytes: 1 }, [{ topic, fetchOffset: 66 }]);
    await waited("a negative wait", { maxWaitMs: -1, minBytes: 1 }, [{ topic, fetchOffset: 6 }]);
    await waited("no partition", { maxWaitMs: WAIT_MS, minBytes: 1 }, []);
  }),

  differs(FetchApi, "topics and partitions that are not there", async (stage) => {
    const topic = await stage.topic("a");
    const led = await stage.topic("led", { replicas: [2, 1] });
    await stage.fill(topic, BATCHES);
    await stage.ask("no such partition", request(stage, [{ topic, partition: 4 }]));
    await stage.ask("no such topic", request(stage, [{ topic: stage.name("none"), id: unknownId }]));
    await stage.ask("no topic", request(stage, [{ topic: "", id: UUID_ZERO }]));
    await stage.ask("not the leader", request(stage, [{ topic: led }]));
    await stage.ask("good and bad", request(stage, [{ topic }, { topic: led }, { topic, partition: 3 }]));
  }),

  differs(
    FetchApi,
    "last fetched epochs",
    async (stage) => {
      const topic = await stage.topic("a");
      await stage.fill(topic, BATCHES);
      for (const lastFetchedEpoch of [0, 1, 5, -1, -2])
        for (const fetchOffset of [0, 6, 9])
          await stage.ask(
            `${lastFetchedEpoch} at ${fetchOffset}`,
            request(stage, [{ topic, fetchOffset, lastFetchedEpoch }]),
          );
    },
    { first: 12 },
  ),

  differs(FetchApi, "replica ids of consumers", async (stage) => {
    const topic = await stage.topic("a", { replicas: [1, 2] });
    await stage.fill(topic, BATCHES);
    const parts = request(stage, [{ topic }]);
    for (const id of [-1, -2, -3, 3, 99])
      await stage.ask(
        `replica ${id}`,
        stage.version >= 15
          ? { ...parts, replicaState: { replicaId: id, replicaEpoch: -1 } }
          : { ...parts, replicaId: id },
      );
  }),

  differs(
    FetchApi,
    "sessions",
    async (stage) => {
      const topic = await stage.topic("a", { partitions: 3 });
      const other = await stage.topic("b");
      for (const partition of [0, 1, 2]) await stage.fill(topic, BATCHES, partition);
      const all = [{ topic }, { topic, partition: 1 }, { topic: other }];
      const answer = await stage.ask("begin", { ...request(stage, all), sessionId: 0, sessionEpoch: 0 });
      const sessionId = typeof answer === "string" ? 0 : answer.sessionId;
      const next = (sessionEpoch: number, parts: readonly Part[] = []) => ({
        ...request(stage, parts),
        sessionId,
        sessionEpoch,
      });
      await stage.ask("the same again", next(1));
      await stage.ask(
        "what was read",
        next(2, [
          { topic, fetchOffset: 6 },
          { topic, partition: 1, fetchOffset: 6 },
        ]),
      );
      await stage.ask("no news", next(3));
      await stage.fill(topic, [sequenced(770_010, 0, 0)]);
      await stage.ask("news", next(4));
      await stage.ask("a new partition", next(5, [{ topic, partition: 2, fetchOffset: 5 }]));
      const forgotten = [{ topic, topicId: stage.idOf(topic), partitions: [0, 1] }];
      await stage.ask("two forgotten", { ...next(6), forgottenTopicsData: forgotten });
      await stage.ask("the rest", next(7));
      await stage.ask("an error comes again", next(8, [{ topic: other, fetchOffset: 4 }]));
      await stage.ask("and again", next(9));
      await stage.ask("an epoch that was", next(4));
      await stage.ask("an epoch to come", next(20));
      await stage.ask("the right one", next(10));
      await stage.ask("a session of nobody", { ...next(1), sessionId: 0x7fff_fff0 });
      await stage.ask("no session with an epoch", { ...next(3), sessionId: 0 });
      await stage.ask("a negative session", { ...next(3), sessionId: -5 });
      await stage.ask("a negative epoch", next(-2));
      await stage.ask("the end", next(-1, [{ topic }]));
      await stage.ask("after the end", next(11));
      await stage.ask("a session without partitions", { ...request(stage, []), sessionId: 0, sessionEpoch: 0 });
      await stage.ask("a session with errors only", {
        ...request(stage, [{ topic, partition: 44 }]),
        sessionId: 0,
        sessionEpoch: 0,
      });
    },
    { first: SESSIONS_SINCE },
  ),
];
