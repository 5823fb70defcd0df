export { startCluster, type TestCluster, type TestRecord } from "./cluster.ts";
export type { TestBroker } from "./broker.ts";
export type { ClusterOptions, TopicOptions } from "./options.ts";
