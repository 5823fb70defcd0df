import { Admin } from "./admin/admin.ts";
import type { ClusterOptions } from "./cluster/options.ts";
import { Consumer } from "./consumer/consumer.ts";
import type { ConsumerOptions } from "./consumer/options.ts";
import { Producer } from "./producer/producer.ts";
import type { ProducerOptions } from "./producer/options.ts";

export const createAdmin = (options: ClusterOptions): Admin => new Admin(options);

export const createProducer = (options: ProducerOptions): Producer => new Producer(options);

export const createConsumer = (options: ConsumerOptions): Consumer => new Consumer(options);

export type { ClusterOptions };
export type { Ports } from "./cluster/options.ts";
export type { BrokerNode, PartitionMetadata, TopicMetadata } from "./cluster/metadata.ts";
export { ConnectError, DeadlineError, type Hop, KafkaError, UnsupportedVersionError } from "./errors.ts";
export type { Producer };
export type { Acks, ProducerOptions } from "./producer/options.ts";
export type { Bytes, Message, RecordPlace } from "./producer/message.ts";
export type { CompressionName, LogRecord as ConsumedRecord } from "@odradek/protocol";
export type { Consumer };
export type { Assignment } from "./consumer/consumer.ts";
export type { AssignorName, ConsumerOptions, OffsetReset } from "./consumer/options.ts";
export type { ConsumedBatch } from "./consumer/position.ts";
export type { At, CommittedOffset, ListedOffset, OffsetToCommit, Partition } from "./cluster/offsets.ts";
export type { Admin };
export type { ClusterDescription } from "./admin/admin.ts";
export type { Config, ConfigChange, ConfigSource, Resource, ResourceConfigs, ResourceType } from "./admin/configs.ts";
export type { GroupDescription, GroupListing, GroupMember } from "./admin/groups.ts";
export type { ElectionResult } from "./admin/elections.ts";
export type { OngoingReassignment, Reassignment } from "./admin/reassignments.ts";
export type { CreatedTopic, LogStart, NewTopic, TopicDescription, TopicListing } from "./admin/topics.ts";
