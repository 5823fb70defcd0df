import { DescribeConfigsApi, type DescribeConfigsRequest, ErrorCode, type ResponseDraft } from "@odradek/protocol";
import { brokerEntries, dynamicDefaultEntries, topicEntries } from "./config-entries.ts";
import { ResourceType } from "./config-resources.ts";
import { problemWithTopicName } from "../controller/topic-names.ts";
import { handler, type Parts } from "./handler.ts";

// DescribeConfigs (key 32).
// Every setting, or those named if any are, of a topic or of this broker with its value, default, source, type and, when asked, synonyms and doc. A broker
// describes only itself: its file and flags are known to nobody else. The broker named "" has the settings made for all
// brokers. Loggers have no settings here: their list is empty.

type Draft = ResponseDraft<typeof DescribeConfigsApi>;
type Result = Draft["results"][number];
type Resource = DescribeConfigsRequest["resources"][number];

export const describeConfigs = handler(DescribeConfigsApi, describe, {
  failed: (request, errorCode) => ({
    results: request.resources.map(({ resourceType, resourceName }) => ({
      errorCode,
      errorMessage: null,
      resourceType,
      resourceName,
      configs: [],
    })),
  }),
});

export function describe({ cluster }: Pick<Parts, "cluster">, request: DescribeConfigsRequest): Promise<Draft> {
  return Promise.resolve({ results: request.resources.map((resource) => describeOne(cluster, request, resource)) });
}

function describeOne(cluster: Parts["cluster"], request: DescribeConfigsRequest, resource: Resource): Result {
  const { resourceType, resourceName, configurationKeys: names } = resource;
  const options = {
    names: names?.length === 0 ? null : names,
    withSynonyms: request.includeSynonyms,
    withDocumentation: request.includeDocumentation,
  };
  const answer = (
    configs: Result["configs"],
    errorCode: number = ErrorCode.NONE,
    errorMessage: string | null = null,
  ): Result => ({
    errorCode,
    errorMessage,
    resourceType,
    resourceName,
    configs,
  });
  const refuse = (code: number, message: string): Result => answer([], code, message);
  const { image, configLayers, brokerId } = cluster;
  switch (resourceType) {
    case ResourceType.topic: {
      const wrongName = problemWithTopicName(resourceName);
      if (wrongName !== null) return refuse(ErrorCode.INVALID_TOPIC_EXCEPTION, wrongName);
      if (!image.topics.has(resourceName))
        return refuse(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "This server does not host this topic-partition.");
      const topic = image.topicConfigs.get(resourceName)?.settings ?? {};
      return answer(topicEntries({ topic, ...configLayers }, options));
    }
    case ResourceType.broker:
      if (resourceName === "") return answer(dynamicDefaultEntries(configLayers, options));
      if (resourceName === String(brokerId)) return answer(brokerEntries(configLayers, options));
      return refuse(
        ErrorCode.INVALID_REQUEST,
        `Unexpected broker id, expected ${brokerId} or empty string, but received ${resourceName}`,
      );
    case ResourceType.brokerLogger:
      if (resourceName === String(brokerId)) return answer([]);
      return refuse(
        ErrorCode.INVALID_REQUEST,
        `Unexpected broker id, expected ${brokerId} but received ${resourceName}`,
      );
    default:
      return refuse(ErrorCode.INVALID_REQUEST, `Unsupported resource type: ${resourceType}`);
  }
}
