import type { Found } from "./run.ts";

/** A kind of differences that is meant: docs/differences.md says why, under this title. */
type Known = { readonly title: string; readonly where: readonly Place[] };
/** What is not said may be anything. */
type Place = {
  readonly case: RegExp;
  readonly label?: RegExp;
  readonly path?: RegExp;
  readonly ours?: RegExp;
  readonly theirs?: RegExp;
};

/** No error, and what stands beside it: offsets, batches, whole answers. */
const taken = /^("NONE"|\d+|"\d+\.\.\d+ of .*"|\{.*"errorCode":"NONE".*\})$/;

/** Kafka 4.3.1 names these and ours does not; whatever else is missing, and any other range of versions, is noticed. */
const notServed = [
  ...[17, 36], // SASL
  ...[24, 25, 26, 27, 28, 65, 66], // transactions
  ...[29, 30, 31, 38, 39, 40, 41, 48, 49, 50, 51], // access control, delegation tokens, quotas, SCRAM
  ...[34, 55, 57, 64, 80, 81], // moves between directories; quorums, features and brokers of KRaft
  ...[68, 69, 88, 89], // KIP-848 and streams groups
  ...[74], // ListConfigResources: client metrics and groups have no settings here
  ...[76, 77, 78, 79, 83, 84, 85, 86, 87, 90, 91, 92], // share groups
];

export const known: readonly Known[] = [
  {
    title: "APIs, versions and features",
    where: [
      {
        case: /^ApiVersions: what is served$/,
        path: new RegExp(`^(apiKeys\\.apiKey (${notServed.join("|")})|(supported|finalized)Features\\..*)$`),
        ours: /^nothing$/,
      },
      { case: /^ApiVersions: what is served$/, path: /^finalizedFeaturesEpoch$/, ours: /^-1$/ },
    ],
  },
  {
    title: "Transactions and share groups",
    where: [
      { case: /^FindCoordinator/, label: /^type [12],/ },
      { case: /^Produce: transactional ids$/, label: /^of nobody$/ },
      { case: /^Produce: batches/, label: /^a transactional batch without producer/ },
    ],
  },
  {
    title: "Records inside a batch",
    where: [
      {
        case: /^Produce: batches/,
        label: /^(fewer records counted|gzip that is none|a record that is too|a max timestamp that no record has)/,
        ours: taken,
      },
    ],
  },
  {
    title: "Malformed batches",
    where: [
      {
        case: /^Produce: batches/,
        label: /^no records$/,
        ours: /"errorCode":"INVALID_RECORD"/,
        theirs: /^"(closed|silence)"$/,
      },
      {
        case: /^Produce: batches/,
        label: /^(a few bytes|a cut-off batch|a length that is too large|a batch and a stray byte)$/,
        ours: /^"CORRUPT_MESSAGE"$/,
      },
      {
        case: /^Produce: batches/,
        label: /^(zeros|a producer without epoch|producer id -2)$/,
        ours: /^"INVALID_RECORD"$/,
      },
      { case: /^Produce: batches/, label: /^compression 5$/, ours: /^"UNSUPPORTED_COMPRESSION_TYPE"$/ },
      {
        case: /^Produce: batches/,
        label: /^(a batch and a stray byte|a producer without epoch|producer id -2): the log$/,
        ours: /^(0|nothing)$/,
      },
      { case: /^Produce: what topics ask for$/, label: /^too large with a small one/ },
    ],
  },
  {
    title: "The bytes of compression",
    where: [
      { case: /^Produce: compression that the topic asks for$/, label: /log$/, path: /^records/ },
      { case: /^Fetch: codecs$/, label: /^asked for by the topic$/, path: /records/ },
    ],
  },
  {
    title: "Numbers beside an error",
    where: [
      { case: /^Produce/, path: /logStartOffset$/, ours: /^-1$/ },
      { case: /^Fetch/, path: /abortedTransactions$/, ours: /^null$/, theirs: /^{}$/ },
      { case: /^DescribeTopicPartitions/, path: /topicAuthorizedOperations$/ },
      { case: /^DeleteTopics/, label: /^by name and by id$/, path: /topicId$/ },
    ],
  },
  {
    title: "One partition or resource named twice",
    where: [
      { case: /^Produce: the same partition twice$/, ours: taken },
      { case: /^(Fetch|ListOffsets)/, label: /^the same partition twice$/, ours: taken },
      { case: /^AlterConfigs/, label: /^twice$/ },
    ],
  },
  {
    title: "Topics without partitions",
    where: [{ case: /^(Produce|Fetch|ElectLeaders)/, label: /^no partitions$/ }],
  },
  {
    title: "Numbers and names that mean nothing",
    where: [
      { case: /^(Fetch|ListOffsets)/, label: /^isolation (2|-1)$/, ours: /^"NONE"$/ },
      { case: /^Fetch: bytes$/, label: /^at most -1/, ours: /^("NONE"|nothing)$/ },
      { case: /^OffsetForLeaderEpoch/, label: /^epoch -2/, ours: /^-1$/ },
      { case: /^IncrementalAlterConfigs/, label: /^operation 9$/, ours: /^"INVALID_REQUEST"$/ },
      { case: /^ElectLeaders/, label: /^type (2|-1)$/, ours: /^nothing$/ },
      { case: /^CreatePartitions/, label: /^to 20000$/, ours: /^"INVALID_PARTITIONS"$/ },
      { case: /^CreateTopics/, label: /^both wrong$/, ours: /^"INVALID_PARTITIONS"$/ },
      {
        case: /^Metadata/,
        label: /^neither$/,
        ours: /^("NONE"|"a broker"|nothing|\{"nodeId":.*|\{"errorCode":"UNKNOWN_TOPIC_ID".*)$/,
      },
      { case: /^DescribeTopicPartitions/, label: /^no name$/, ours: /^"INVALID_TOPIC_EXCEPTION"$/ },
    ],
  },
  {
    title: "Reading from followers",
    where: [
      { case: /^Fetch: offsets$/, label: /^of a follower/ },
      { case: /^Fetch: topics and partitions/, label: /^(not the leader|good and bad)$/, path: /led|nodeEndpoints/ },
    ],
  },
  { title: "Replica ids of consumers", where: [{ case: /^Fetch: replica ids of consumers$/ }] },
  { title: "Whole batches only", where: [{ case: /^Fetch: bytes$/, path: /records/, label: /^at most 150/ }] },
  { title: "An error does not wait", where: [{ case: /^Fetch: waiting$/, label: /^an error: waits$/ }] },
  {
    title: "Sessions that hold nothing",
    where: [
      { case: /^Fetch: sessions$/, label: /^a session (without partitions|with errors only)$/, path: /^sessionId$/ },
    ],
  },
  {
    title: "Ids of topics that are only tried",
    where: [{ case: /^CreateTopics/, path: /topicId$/, ours: /no topic/ }],
  },
  {
    title: "Settings",
    where: [
      { case: /^(CreateTopics|DescribeConfigs)/, path: /min\.insync\.replicas/ },
      { case: /^DescribeConfigs: brokers$/, label: /^all settings$/, ours: /^nothing$/ },
      { case: /^DescribeConfigs: brokers$/, path: /readOnly$/, ours: /^true$/ },
      {
        case: /^DescribeConfigs: brokers$/,
        path: /^(odradek|.*throttled\.rate$|log\.initial|replica\.alter)/,
        theirs: /^nothing$/,
      },
      { case: /^DescribeConfigs: brokers$/, path: /^log\.dir\.configType$/ },
      { case: /^DescribeConfigs: topics$/, path: /synonyms/ },
      { case: /^(DescribeConfigs|IncrementalAlterConfigs): topics$/, label: /^type (16|32)$/ },
      { case: /^IncrementalAlterConfigs: brokers$/, label: /: broker 2$/, theirs: /INVALID_REQUEST/ },
      { case: /^IncrementalAlterConfigs: brokers$/, label: /^(a wrong value|unknown)/, ours: /INVALID_CONFIG/ },
    ],
  },
  { title: "Sizes of disks", where: [{ case: /^DescribeLogDirs/, path: /(total|usable)Bytes$/ }] },
];

const isAt = (found: Found, place: Place): boolean =>
  place.case.test(found.case) &&
  (["label", "path", "ours", "theirs"] as const).every((what) => place[what]?.test(found[what]) ?? true);

/** Under which title of docs/differences.md it stands; null: nobody has judged it yet. */
export const titleOf = (found: Found): string | null =>
  known.find(({ where }) => where.some((place) => isAt(found, place)))?.title ?? null;
