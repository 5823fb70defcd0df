import type { AnyApi } from "../schema/api.ts";
import { AlterConfigsApi } from "./alter-configs.ts";
import { AlterPartitionReassignmentsApi } from "./alter-partition-reassignments.ts";
import { ApiVersionsApi } from "./api-versions.ts";
import { CreatePartitionsApi } from "./create-partitions.ts";
import { CreateTopicsApi } from "./create-topics.ts";
import { DeleteGroupsApi } from "./delete-groups.ts";
import { DeleteRecordsApi } from "./delete-records.ts";
import { DeleteTopicsApi } from "./delete-topics.ts";
import { DescribeClusterApi } from "./describe-cluster.ts";
import { DescribeConfigsApi } from "./describe-configs.ts";
import { DescribeGroupsApi } from "./describe-groups.ts";
import { DescribeLogDirsApi } from "./describe-log-dirs.ts";
import { DescribeProducersApi } from "./describe-producers.ts";
import { DescribeTopicPartitionsApi } from "./describe-topic-partitions.ts";
import { ElectLeadersApi } from "./elect-leaders.ts";
import { FetchApi } from "./fetch.ts";
import { FindCoordinatorApi } from "./find-coordinator.ts";
import { HeartbeatApi } from "./heartbeat.ts";
import { IncrementalAlterConfigsApi } from "./incremental-alter-configs.ts";
import { InitProducerIdApi } from "./init-producer-id.ts";
import { JoinGroupApi } from "./join-group.ts";
import { LeaveGroupApi } from "./leave-group.ts";
import { ListGroupsApi } from "./list-groups.ts";
import { ListOffsetsApi } from "./list-offsets.ts";
import { ListPartitionReassignmentsApi } from "./list-partition-reassignments.ts";
import { MetadataApi } from "./metadata.ts";
import { OffsetCommitApi } from "./offset-commit.ts";
import { OffsetDeleteApi } from "./offset-delete.ts";
import { OffsetFetchApi } from "./offset-fetch.ts";
import { OffsetForLeaderEpochApi } from "./offset-for-leader-epoch.ts";
import { ProduceApi } from "./produce.ts";
import { SyncGroupApi } from "./sync-group.ts";

/** Every API we have a schema for, by key. */
export const apis: ReadonlyMap<number, AnyApi> = new Map<number, AnyApi>(
  [
    ProduceApi,
    FetchApi,
    ListOffsetsApi,
    MetadataApi,
    OffsetCommitApi,
    OffsetFetchApi,
    FindCoordinatorApi,
    JoinGroupApi,
    HeartbeatApi,
    LeaveGroupApi,
    SyncGroupApi,
    DescribeGroupsApi,
    ListGroupsApi,
    ApiVersionsApi,
    CreateTopicsApi,
    DeleteTopicsApi,
    DeleteRecordsApi,
    InitProducerIdApi,
    OffsetForLeaderEpochApi,
    DescribeConfigsApi,
    AlterConfigsApi,
    CreatePartitionsApi,
    DeleteGroupsApi,
    IncrementalAlterConfigsApi,
    OffsetDeleteApi,
    DescribeClusterApi,
    AlterPartitionReassignmentsApi,
    ListPartitionReassignmentsApi,
    ElectLeadersApi,
    DescribeTopicPartitionsApi,
    DescribeProducersApi,
    DescribeLogDirsApi,
  ].map((api) => [api.key, api]),
);
