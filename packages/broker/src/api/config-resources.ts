import type { ConfigTarget } from "../controller/change-config.ts";

/** Kafka's numbers for what a configuration belongs to. */
export const ResourceType = { topic: 2, broker: 4, brokerLogger: 8, clientMetrics: 16, group: 32 } as const;

/** What a resource of an alter request means here, or why it can't be altered. The broker named "" stands for all brokers. */
export function targetOf(resourceType: number, resourceName: string): ConfigTarget | string {
  if (resourceType === ResourceType.topic) return { is: "topic", name: resourceName };
  if (resourceType !== ResourceType.broker) return `Configurations of resource type ${resourceType} can't be altered.`;
  if (resourceName === "") return { is: "brokers" };
  if (!/^\d{1,9}$/.test(resourceName)) return `Broker id must be an integer, but it is: ${resourceName}`;
  return { is: "broker", id: Number(resourceName) };
}
