import type { BrokerConfig } from "../config.ts";
import type { TopicSpec } from "./create-topic.ts";

export const CONSUMER_OFFSETS = "__consumer_offsets";

/** How a topic of the brokers is created, by whoever needs it first; null for every other name. */
export function internalTopicSpec(name: string, { offsets }: BrokerConfig): TopicSpec | null {
  if (name !== CONSUMER_OFFSETS) return null;
  return {
    name,
    partitions: offsets.partitions,
    replicationFactor: offsets.replicationFactor,
    configs: {
      "cleanup.policy": "compact",
      "compression.type": "producer",
      "segment.bytes": String(offsets.segmentBytes),
    },
  };
}
