import { CreatePartitionsApi, type CreatePartitionsRequest, ErrorCode, type ResponseDraft } from "@odradek/protocol";
import { addPartitions } from "../controller/change-topic.ts";
import { handler, type Parts } from "./handler.ts";
import { repeatedOf } from "./repeated.ts";

// CreatePartitions (key 37).
// `count` is the number afterwards; it can only grow. The new partitions are placed by load unless assigned by hand.

type Draft = ResponseDraft<typeof CreatePartitionsApi>;

export const createPartitions = handler(CreatePartitionsApi, grow, {
  failed: (request, errorCode) => ({ results: request.topics.map(({ name }) => ({ name, errorCode })) }),
});

export async function grow({ cluster }: Pick<Parts, "cluster">, request: CreatePartitionsRequest): Promise<Draft> {
  const repeated = repeatedOf(request.topics.map(({ name }) => name));
  const results: Draft["results"][number][] = [...repeated].map((name) => ({
    name,
    errorCode: ErrorCode.INVALID_REQUEST,
    errorMessage: "Duplicate topic name.",
  }));
  for (const { name, count, assignments } of request.topics) {
    if (repeated.has(name)) continue;
    const { error, message } = await addPartitions(cluster, {
      topic: name,
      count,
      assignments: assignments && assignments.map(({ brokerIds }) => brokerIds),
      validateOnly: request.validateOnly,
    });
    results.push({ name, errorCode: error, errorMessage: error === ErrorCode.NONE ? null : message });
  }
  return { results };
}
