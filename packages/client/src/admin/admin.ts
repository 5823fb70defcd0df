import { DescribeClusterApi, ErrorCode } from "@odradek/protocol";
import { Cluster } from "../cluster/cluster.ts";
import type { BrokerNode } from "../cluster/metadata.ts";
import {
  type At,
  commitOffsets,
  type CommittedOffset,
  fetchOffsets,
  type ListedOffset,
  listOffsets,
  nobody,
  type OffsetToCommit,
  type Partition,
} from "../cluster/offsets.ts";
import type { ClusterOptions } from "../cluster/options.ts";
import { ConnectError, KafkaError, mayRetry, orThrow, UnsupportedVersionError } from "../errors.ts";
import { alterConfigs, type ConfigChange, describeConfigs, type Resource, type ResourceConfigs } from "./configs.ts";
import {
  deleteGroup,
  deleteOffsets,
  describeGroup,
  type GroupDescription,
  type GroupListing,
  listGroups,
} from "./groups.ts";
import { electLeaders, type ElectionResult } from "./elections.ts";
import { listReassignments, type OngoingReassignment, reassign, type Reassignment } from "./reassignments.ts";
import * as topics from "./topics.ts";

export type ClusterDescription = {
  readonly clusterId: string | null;
  readonly controllerId: number;
  readonly brokers: readonly BrokerNode[];
};

/** A topic just created may not be known everywhere yet; after that long it is missing. */
const PROPAGATION_MS = 500;

/** Looks into a cluster and changes it; see README. Every call retries what may succeed later, up to `operationTimeoutMs`. */
export class Admin implements AsyncDisposable {
  readonly #cluster: Cluster;

  constructor(options: ClusterOptions) {
    this.#cluster = new Cluster(options);
  }

  describeCluster(): Promise<ClusterDescription> {
    return this.#retried("describe cluster", () => describeCluster(this.#cluster));
  }

  /** By name. */
  listTopics(): Promise<topics.TopicListing[]> {
    return this.#retried("list topics", () => topics.listTopics(this.#cluster));
  }

  /** In the names' order. */
  describeTopics(names: readonly string[]): Promise<topics.TopicDescription[]> {
    return this.#retried("describe topics", () => topics.describeTopics(this.#cluster, names));
  }

  createTopics(
    list: readonly topics.NewTopic[],
    { timeoutMs = this.#timeoutMs, isValidateOnly = false }: { timeoutMs?: number; isValidateOnly?: boolean } = {},
  ): Promise<topics.CreatedTopic[]> {
    return this.#retried("create topics", () =>
      topics.createTopics(this.#cluster, list, { timeoutMs, isValidateOnly }),
    );
  }

  deleteTopics(names: readonly string[]): Promise<void> {
    return this.#retried("delete topics", () => topics.deleteTopics(this.#cluster, names, this.#timeoutMs));
  }

  createPartitions(list: readonly { readonly topic: string; readonly partitionCount: number }[]): Promise<void> {
    return this.#retried("create partitions", () => topics.createPartitions(this.#cluster, list, this.#timeoutMs));
  }

  /** Offset -1: up to the high watermark. */
  deleteRecords(offsets: readonly (Partition & { readonly offset: number })[]): Promise<topics.LogStart[]> {
    return this.#retried("delete records", () => topics.deleteRecords(this.#cluster, offsets, this.#timeoutMs));
  }

  describeConfigs(resources: readonly Resource[]): Promise<ResourceConfigs[]> {
    return this.#retried("describe configs", () => describeConfigs(this.#cluster, resources));
  }

  alterConfigs(changes: readonly ConfigChange[]): Promise<void> {
    return this.#retried("alter configs", () => alterConfigs(this.#cluster, changes));
  }

  /** By id. */
  listGroups(): Promise<GroupListing[]> {
    return this.#retried("list groups", () => listGroups(this.#cluster));
  }

  describeGroups(ids: readonly string[]): Promise<GroupDescription[]> {
    return Promise.all(ids.map((id) => this.#retried(`describe group ${id}`, () => describeGroup(this.#cluster, id))));
  }

  async deleteGroups(ids: readonly string[]): Promise<void> {
    await Promise.all(ids.map((id) => this.#retried(`delete group ${id}`, () => deleteGroup(this.#cluster, id))));
  }

  listOffsets(partitions: readonly Partition[], at: At): Promise<ListedOffset[]> {
    return this.#retried("list offsets", () => listOffsets(this.#cluster, partitions, at));
  }

  /** Without `partitions`: all that the group has committed. */
  fetchOffsets(groupId: string, partitions: readonly Partition[] | null = null): Promise<CommittedOffset[]> {
    return this.#retried(`offsets of group ${groupId}`, () => fetchOffsets(this.#cluster, groupId, partitions));
  }

  /** For groups without members. */
  commitOffsets(groupId: string, offsets: readonly OffsetToCommit[]): Promise<void> {
    return this.#retried(`offsets of group ${groupId}`, () => commitOffsets(this.#cluster, groupId, nobody, offsets));
  }

  deleteOffsets(groupId: string, partitions: readonly Partition[]): Promise<void> {
    return this.#retried(`offsets of group ${groupId}`, () => deleteOffsets(this.#cluster, groupId, partitions));
  }

  /** Begins moves, or cancels them; they go on when this has been answered. */
  async reassign(wanted: readonly Reassignment[]): Promise<void> {
    if (wanted.length === 0) return;
    await this.#retried("reassign", () => reassign(this.#cluster, wanted, this.#timeoutMs));
  }

  /** The moves under way. */
  listReassignments(): Promise<OngoingReassignment[]> {
    return this.#retried("list reassignments", () => listReassignments(this.#cluster, this.#timeoutMs));
  }

  /** Leaderships go to the first replicas; `isUnclean`: of partitions that nobody leads to any replica that lives, records may be lost. */
  electLeaders(partitions: readonly Partition[], { isUnclean = false } = {}): Promise<ElectionResult[]> {
    return this.#retried("elect leaders", () =>
      electLeaders(this.#cluster, partitions, { isUnclean, timeoutMs: this.#timeoutMs }),
    );
  }

  async close(): Promise<void> {
    this.#cluster.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #timeoutMs(): number {
    return this.#cluster.settings.requestTimeoutMs;
  }

  #retried<T>(what: string, attempt: () => Promise<T>): Promise<T> {
    const beganMs = this.#cluster.clock.now();
    return this.#cluster.retried(what, attempt, {
      mayRetry: (error) => {
        // Who has never reached the cluster most likely has the wrong address.
        if (error instanceof ConnectError && this.#cluster.known === null) return false;
        const isMissing = error instanceof KafkaError && error.code === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
        return mayRetry(error) && !(isMissing && this.#cluster.clock.now() - beganMs > PROPAGATION_MS);
      },
    });
  }
}

/** By DescribeCluster where the broker has it, else from the metadata. */
async function describeCluster(cluster: Cluster): Promise<ClusterDescription> {
  try {
    const answer = await cluster.sendToAny(DescribeClusterApi, { includeClusterAuthorizedOperations: false });
    orThrow(answer.errorCode, "cluster", answer.errorMessage);
    const brokers = answer.brokers.map(({ brokerId: id, host, port, rack }) => ({ id, host, port, rack }));
    return {
      clusterId: answer.clusterId,
      controllerId: answer.controllerId,
      brokers: brokers.toSorted((a, b) => a.id - b.id),
    };
  } catch (error) {
    if (!(error instanceof UnsupportedVersionError)) throw error;
    const { clusterId, controllerId, brokers } = await cluster.refresh([]);
    return { clusterId, controllerId, brokers: [...brokers.values()].toSorted((a, b) => a.id - b.id) };
  }
}
