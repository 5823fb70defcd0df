import {
  Batch,
  Compression,
  ErrorCode,
  errorName,
  ProduceApi,
  type ProduceRequest,
  type ResponseDraft,
} from "@odradek/protocol";
import type { Appended } from "../partition/partition.ts";
import { CloseConnection, handler, type Parts, type RequestScope } from "./handler.ts";
import { locate, nameOfTopic, nodeEndpoints, TOPIC_IDS_SINCE } from "./locate.ts";

// Produce (key 0).
// Batches of one partition are appended in the order in which requests came in, before the first `await`, so a connection's
// requests may overlap. There are no transactions: a batch of one is refused. From v13 on topics go by id; one that names no topic is UNKNOWN_TOPIC_ID. Internal topics take no client's records. acks=0 is answered with nothing, or with a closed connection.

type Draft = ResponseDraft<typeof ProduceApi>;
type PartitionDraft = Draft["responses"][number]["partitionResponses"][number];
/** First version whose clients know zstd (KIP-110). */
const ZSTD_SINCE = 7;
type ProduceParts = Pick<Parts, "cluster" | "replicas">;

export const produce = handler(ProduceApi, append, {
  pipelined: true,
  failed: (request, errorCode) => ({
    responses: request.topicData.map(({ name, topicId, partitionData }) => ({
      name,
      topicId,
      partitionResponses: partitionData.map(({ index }) => ({ index, errorCode, baseOffset: -1 })),
    })),
  }),
});

export async function append(
  parts: ProduceParts,
  request: ProduceRequest,
  scope: Pick<RequestScope, "listener" | "version">,
): Promise<Draft | null> {
  const hasIds = scope.version >= TOPIC_IDS_SINCE;
  const appending = request.topicData.map(({ name: saidName, topicId, partitionData }) => {
    const name = hasIds ? nameOfTopic(parts, topicId) : saidName;
    const id = hasIds ? topicId : undefined;
    return {
      name: name ?? "",
      topicId,
      partitions: partitionData.map(({ index, records }) => ({
        index,
        appended:
          name === undefined
            ? refused(ErrorCode.UNKNOWN_TOPIC_ID)
            : appendTo(parts, request, { name, topicId: id, index, records, version: scope.version }),
      })),
    };
  });
  const leaders: number[] = [];
  const responses: Draft["responses"][number][] = [];
  for (const { name, topicId, partitions } of appending) {
    const partitionResponses: PartitionDraft[] = [];
    for (const { index, appended } of partitions) {
      const answer = fenced(parts, request.acks, await appended);
      if (answer.leader) leaders.push(answer.leader.id);
      partitionResponses.push(partitionAnswer(index, answer));
    }
    responses.push({ name, topicId, partitionResponses });
  }
  if (request.acks !== 0) return { responses, nodeEndpoints: nodeEndpoints(parts, leaders, scope.listener) };
  for (const { name, partitionResponses } of responses)
    for (const { index, errorCode } of partitionResponses)
      if (errorCode !== ErrorCode.NONE)
        throw new CloseConnection(`acks=0 and ${name}-${index} answered ${errorName(errorCode)}`);
  return null;
}

/**
 * Only acks=all asks others. A leader whose session may have ended while it wrote does not know whether its record counts: somebody else may
 * lead, and will cut it off (RELIABILITY P-18).
 */
const fenced = ({ cluster }: ProduceParts, acks: number, answer: Appended): Appended =>
  acks === -1 || answer.error !== ErrorCode.NONE || cluster.mayLead
    ? answer
    : { ...answer, error: ErrorCode.NOT_LEADER_OR_FOLLOWER };

type Target = {
  name: string;
  topicId: string | undefined;
  index: number;
  records: Buffer | null;
  version: number;
};

function appendTo(
  parts: ProduceParts,
  request: ProduceRequest,
  { name, topicId, index, records, version }: Target,
): Promise<Appended> {
  const { acks, timeoutMs } = request;
  if (acks !== 0 && acks !== 1 && acks !== -1) return refused(ErrorCode.INVALID_REQUIRED_ACKS);
  if (parts.cluster.image.topics.get(name)?.internal === true) return refused(ErrorCode.INVALID_TOPIC_EXCEPTION);
  const located = locate(parts, name, index, topicId);
  if (located.is === "elsewhere") return refused(located.error, located.leader);
  if (records === null || records.length === 0) return refused(ErrorCode.INVALID_RECORD);
  const error = batchError(records, version);
  if (error !== ErrorCode.NONE) return refused(error);
  return located.partition.append(records, { acks, timeoutMs, origin: "client" });
}

/** What a batch may not be, wherever it shall go; whether it is one is seen later. */
function batchError(records: Buffer, version: number): ErrorCode {
  if (!Batch.isWholeAt(records, 0)) return ErrorCode.NONE;
  const { isTransactional, isControl, compression } = new Batch(records);
  // Without a coordinator nobody would ever end it, and read-committed consumers would wait for ever.
  if (isTransactional && !isControl) return ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
  if (compression === Compression.zstd && version < ZSTD_SINCE) return ErrorCode.UNSUPPORTED_COMPRESSION_TYPE;
  return ErrorCode.NONE;
}

const refused = (error: ErrorCode, leader?: { id: number; epoch: number }): Promise<Appended> =>
  Promise.resolve({ error, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, ...(leader ? { leader } : {}) });

function partitionAnswer(index: number, answer: Appended): PartitionDraft {
  const { error: errorCode, baseOffset, logAppendTimeMs, logStartOffset, leader } = answer;
  if (errorCode === ErrorCode.NONE) return { index, errorCode, baseOffset, logAppendTimeMs, logStartOffset };
  return {
    index,
    errorCode,
    baseOffset: -1,
    ...(answer.records && {
      logStartOffset: answer.logStartOffset,
      recordErrors: answer.records.map((record) => ({
        batchIndex: record.index,
        batchIndexErrorMessage: record.message,
      })),
    }),
    errorMessage: answer.message ?? null,
    ...(leader ? { currentLeader: { leaderId: leader.id, leaderEpoch: leader.epoch } } : {}),
  };
}
