import { DeleteTopicsApi, type DeleteTopicsRequest, ErrorCode, type ResponseDraft, UUID_ZERO } from "@odradek/protocol";
import { deleteTopic } from "../controller/change-topic.ts";
import { handler, type Parts, type RequestScope } from "./handler.ts";
import { repeatedOf } from "./repeated.ts";

// DeleteTopics (key 20).
// One transaction per topic removes it with its partitions and settings. Asked by id, an unknown id is UNKNOWN_TOPIC_ID. A topic that is
// named twice, be it once by name and once by id, is not deleted.

type Draft = ResponseDraft<typeof DeleteTopicsApi>;
type Result = Draft["responses"][number];
type Asked = { name: string | null; topicId: string };

export const deleteTopics = handler(DeleteTopicsApi, remove, {
  failed: (request, errorCode) => ({ responses: askedFor(request).map((asked) => ({ ...asked, errorCode })) }),
});

const askedFor = (request: DeleteTopicsRequest): Asked[] => [
  ...request.topicNames.map((name) => ({ name, topicId: UUID_ZERO })),
  ...request.topics.map(({ name, topicId }) => ({ name, topicId })),
];

export async function remove(
  parts: Pick<Parts, "cluster" | "config">,
  request: DeleteTopicsRequest,
  scope: Pick<RequestScope, "version">,
): Promise<Draft> {
  const { topicsById } = parts.cluster.image;
  const subjectOf = ({ name, topicId }: Asked): string => name ?? topicsById.get(topicId)?.name ?? topicId;
  const asked = askedFor(request);
  const repeated = repeatedOf(asked.map(subjectOf));
  const responses = [...repeated].map((subject) => twice(asked.find((one) => subjectOf(one) === subject)!));
  for (const one of asked)
    if (!repeated.has(subjectOf(one))) responses.push(await removeOne(parts, one, scope.version));
  return { responses };
}

const twice = (asked: Asked): Result => ({
  ...asked,
  errorCode: ErrorCode.INVALID_REQUEST,
  errorMessage: "Duplicate topic name or topic id.",
});

async function removeOne(
  { cluster, config }: Pick<Parts, "cluster" | "config">,
  { name, topicId }: Asked,
  version: number,
): Promise<Result> {
  const answer = (errorCode: number, errorMessage: string | null): Result => ({
    name,
    topicId,
    errorCode,
    errorMessage,
  });
  if (!config.topics.deletable)
    return answer(
      version < 3 ? ErrorCode.INVALID_REQUEST : ErrorCode.TOPIC_DELETION_DISABLED,
      "Topic deletion is disabled.",
    );
  if (name !== null && topicId !== UUID_ZERO)
    return answer(ErrorCode.INVALID_REQUEST, "You may not specify both topic name and topic id.");
  if (name === null && topicId === UUID_ZERO)
    return answer(ErrorCode.INVALID_REQUEST, "Neither topic name nor id were specified.");
  const topic = name === null ? cluster.image.topicsById.get(topicId) : cluster.image.topics.get(name);
  if (!topic)
    return name === null
      ? answer(ErrorCode.UNKNOWN_TOPIC_ID, "This server does not host this topic ID.")
      : answer(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "This server does not host this topic-partition.");
  const { error, message } = await deleteTopic(cluster, topic);
  return {
    name: topic.name,
    topicId: topic.id,
    errorCode: error,
    errorMessage: error === ErrorCode.NONE ? null : message,
  };
}
