import { ErrorCode } from "@odradek/protocol";
import { beforeEach, expect, test } from "vitest";
import { LoneBroker } from "../testing/lone-broker.ts";
import { offsetCommit } from "./offset-commit.ts";
import { offsetFetch } from "./offset-fetch.ts";

const NOBODY = "AAAAAAAAAAAAAAAAAAAABQ";

let broker: LoneBroker;
let words: string;
beforeEach(async () => {
  broker = await LoneBroker.start();
  await broker.topic("words");
  words = broker.parts.cluster.image.topics.get("words")!.id;
  await broker.passing(broker.parts.groups.find("g"));
});

const commit = async (version: number, names: { name: string; topicId: string }[], parts = broker.parts) => {
  const one = { partitionIndex: 0, committedOffset: 7, committedLeaderEpoch: -1, committedMetadata: null };
  const request = {
    groupId: "g",
    generationIdOrMemberEpoch: -1,
    memberId: "",
    groupInstanceId: null,
    retentionTimeMs: -1,
    topics: names.map((topic) => ({ ...topic, partitions: [one] })),
  };
  const answer = await broker.passing(offsetCommit.handle(parts, request, broker.scope(version)));
  return (answer as { topics: { topicId: string; partitions: { errorCode: number }[] }[] }).topics.map(
    ({ topicId, partitions }) => [topicId, partitions[0]!.errorCode],
  );
};

type Shown = { groups: { topics: { topicId: string; name: string; partitions: { committedOffset: number }[] }[] }[] };

const fetched = async (version: number, names: { name: string; topicId: string }[] | null) => {
  const topics = names && names.map((topic) => ({ ...topic, partitionIndexes: [0] }));
  const request = {
    groupId: "",
    topics: [],
    groups: [{ groupId: "g", memberId: null, memberEpoch: -1, topics }],
    requireStable: true,
  };
  const answer = await broker.passing(offsetFetch.handle(broker.parts, request, broker.scope(version)));
  return (answer as Shown).groups[0]!.topics;
};

test("K-02: from v10 on offsets are committed and fetched by topic id, and an id that no topic has says so", async () => {
  expect(
    await commit(10, [
      { name: "", topicId: NOBODY },
      { name: "", topicId: words },
    ]),
  ).toEqual([
    [NOBODY, ErrorCode.UNKNOWN_TOPIC_ID],
    [words, ErrorCode.NONE],
  ]);
  const asked = [
    { name: "", topicId: words },
    { name: "", topicId: NOBODY },
  ];
  expect(await fetched(10, asked)).toMatchObject([
    { topicId: words, partitions: [{ committedOffset: 7, errorCode: 0 }] },
    { topicId: NOBODY, partitions: [{ committedOffset: -1, errorCode: ErrorCode.UNKNOWN_TOPIC_ID }] },
  ]);
  expect(await fetched(10, null)).toMatchObject([{ topicId: words, partitions: [{ committedOffset: 7 }] }]);
  expect(await fetched(9, [{ name: "words", topicId: "" }])).toMatchObject([
    { name: "words", partitions: [{ committedOffset: 7 }] },
  ]);
});

test("K-02: a topic that is deleted while offsets are committed leaves the answers of the others where they belong", async () => {
  await broker.topic("others");
  let { image } = broker.parts.cluster;
  const others = image.topics.get("others")!.id;
  const shard = {
    commit: ({ offsets }: { offsets: { topic: string }[] }) => {
      image = { ...image, topics: new Map(), topicsById: new Map() };
      const codes = { words: ErrorCode.NONE, others: ErrorCode.OFFSET_METADATA_TOO_LARGE };
      return Promise.resolve(offsets.map(({ topic }) => codes[topic as keyof typeof codes]));
    },
  };
  const parts = {
    cluster: {
      get image() {
        return image;
      },
    },
    groups: { shardFor: () => Promise.resolve(shard) },
  } as unknown as LoneBroker["parts"];
  const answered = await commit(
    10,
    [
      { name: "", topicId: words },
      { name: "", topicId: others },
    ],
    parts,
  );
  expect(answered).toEqual([
    [words, ErrorCode.NONE],
    [others, ErrorCode.OFFSET_METADATA_TOO_LARGE],
  ]);
});
