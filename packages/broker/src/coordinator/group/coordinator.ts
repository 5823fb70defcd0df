import { type Clock, delay, type Logger, type Random } from "@odradek/kit";
import { ErrorCode } from "@odradek/protocol";
import type { Cluster } from "../../cluster/cluster.ts";
import type { ClusterImage } from "../../cluster/image.ts";
import type { BrokerConfig } from "../../config.ts";
import { createTopic } from "../../controller/create-topic.ts";
import { CONSUMER_OFFSETS, internalTopicSpec } from "../../controller/internal-topics.ts";
import type { Replicas } from "../../replica/replicas.ts";
import { partitionFor } from "../placement.ts";
import { Shard } from "../shard.ts";
import type { GroupLimits } from "./desk.ts";
import { GroupShard } from "./group-shard.ts";
import { fromLogRecord, type GroupRecord, toRecordDraft } from "./records.ts";
import { Timers } from "./timers.ts";

/** How long a request waits for its group to be loaded: longer would look like a dead broker to clients. */
const LOADING_MS_MAX = 5000;
const OPENING_POLL_MS = 10;
const TOPIC_CREATION_MS_MAX = 2000;

export type GroupCoordinatorOptions = {
  readonly cluster: Cluster;
  readonly replicas: Replicas;
  readonly config: BrokerConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
};

type LoadedShard = Shard<GroupRecord, GroupShard>;

/** The groups whose partition of `__consumer_offsets` this broker leads. */
export class GroupCoordinator {
  readonly #options: GroupCoordinatorOptions;
  readonly #limits: GroupLimits;
  readonly #shards = new Map<number, LoadedShard>();
  #isClosed = false;

  constructor(options: GroupCoordinatorOptions) {
    this.#options = options;
    const { groups, offsets } = options.config;
    this.#limits = {
      initialRebalanceDelayMs: groups.initialRebalanceDelayMs,
      sessionTimeoutMsMin: groups.sessionTimeoutMsMin,
      sessionTimeoutMsMax: groups.sessionTimeoutMsMax,
      membersMax: groups.membersMax,
      offsetMetadataBytesMax: offsets.metadataBytesMax,
      offsetsRetentionMs: offsets.retentionMs,
    };
  }

  /** The broker that coordinates this group; creates `__consumer_offsets` when nobody has needed it yet. */
  async find(groupId: string): Promise<{ errorCode: ErrorCode; brokerId: number }> {
    const { cluster } = this.#options;
    const leaderOf = (image: ClusterImage): number => {
      const partitions = image.topics.get(CONSUMER_OFFSETS)?.partitions;
      return partitions?.[partitionFor(groupId, partitions.length)]?.leader ?? -1;
    };
    if (!cluster.image.topics.has(CONSUMER_OFFSETS)) await this.#createTopic();
    await cluster.until((image) => leaderOf(image) >= 0, { timeoutMs: TOPIC_CREATION_MS_MAX });
    const brokerId = leaderOf(cluster.image);
    return { errorCode: brokerId < 0 ? ErrorCode.COORDINATOR_NOT_AVAILABLE : ErrorCode.NONE, brokerId };
  }

  /** The shard that keeps this group, loaded; or the error to answer. Held at most 5 s while it loads (COORDINATOR_LOAD_IN_PROGRESS crashes kafkajs). */
  async shardFor(groupId: string): Promise<GroupShard | ErrorCode> {
    const { cluster, clock } = this.#options;
    const endMs = clock.now() + LOADING_MS_MAX;
    for (;;) {
      const partitions = cluster.image.topics.get(CONSUMER_OFFSETS)?.partitions ?? [];
      const index = partitions.length === 0 ? -1 : partitionFor(groupId, partitions.length);
      if (partitions[index]?.leader !== cluster.brokerId || !cluster.mayLead) return ErrorCode.NOT_COORDINATOR;
      const shard = this.#shard(index);
      if (shard !== null && (await this.#inTime(shard.loaded, endMs)) && shard.isCurrent) return shard.machine;
      if (this.#isClosed || clock.now() >= endMs) return ErrorCode.NOT_COORDINATOR;
      // The picture says that we lead; the log is just being opened.
      await delay(clock, OPENING_POLL_MS);
    }
  }

  /** Every shard that is loaded here, for listing. */
  *loadedShards(): Generator<GroupShard> {
    for (const shard of this.#shards.values()) if (shard.isCurrent) yield shard.machine;
  }

  /** Follows a new picture of the cluster: loads what we lead now, drops what we do not, forgets offsets of deleted topics. */
  follow(image: ClusterImage, previous: ClusterImage): void {
    const partitions = image.topics.get(CONSUMER_OFFSETS)?.partitions.length ?? 0;
    for (const index of this.#shards.keys()) if (index >= partitions) this.#drop(index);
    for (let index = 0; index < partitions; index++) this.#shard(index);
    if (image.topics === previous.topics) return;
    const deleted = [...previous.topics.values()].filter(({ name, id }) => image.topics.get(name)?.id !== id);
    if (deleted.length === 0) return;
    const names = new Set(deleted.map(({ name }) => name));
    for (const shard of this.loadedShards()) shard.forgetTopics((topic) => names.has(topic));
  }

  close(): void {
    this.#isClosed = true;
    for (const index of [...this.#shards.keys()]) this.#drop(index);
  }

  /** The shard of the leadership we have now, loading if need be; null when we do not lead. */
  #shard(index: number): LoadedShard | null {
    const known = this.#shards.get(index);
    if (known?.isCurrent === true) return known;
    if (known) this.#drop(index);
    const partition = this.#options.replicas.partition(CONSUMER_OFFSETS, index);
    if (this.#isClosed || partition?.role.is !== "leader") return null;
    const { leaderEpoch } = partition.role;
    const { clock, random, logger, config } = this.#options;
    const shard: LoadedShard = new Shard(
      {
        partition,
        leaderEpoch,
        clock,
        logger,
        appendTimeoutMs: config.offsets.commitTimeoutMs,
        toRecord: toRecordDraft,
        fromRecord: fromLogRecord,
      },
      (owner) => {
        const persist = (records: readonly GroupRecord[]): Promise<ErrorCode> => owner.persist(records);
        const desk = { clock, random, logger, timers: new Timers(clock), limits: this.#limits, persist };
        return new GroupShard(desk, () => owner.committed());
      },
      (machine) => this.#loaded(machine),
    );
    this.#shards.set(index, shard);
    return shard;
  }

  #loaded(shard: GroupShard): void {
    shard.loaded(this.#options.config.offsets.retentionCheckMs);
    // Topics deleted while nobody coordinated these groups.
    const { topics } = this.#options.cluster.image;
    shard.forgetTopics((topic) => !topics.has(topic));
  }

  #drop(index: number): void {
    this.#shards.get(index)?.close(ErrorCode.NOT_COORDINATOR);
    this.#shards.delete(index);
  }

  #inTime(loaded: Promise<boolean>, endMs: number): Promise<boolean> {
    const { clock } = this.#options;
    return new Promise((resolve) => {
      const cancel = clock.timer(Math.max(0, endMs - clock.now()), () => resolve(false));
      void loaded.then((isLoaded) => {
        cancel();
        resolve(isLoaded);
      });
    });
  }

  async #createTopic(): Promise<void> {
    const { cluster, config, logger } = this.#options;
    const { error, message } = await createTopic(cluster, internalTopicSpec(CONSUMER_OFFSETS, config)!);
    if (error !== ErrorCode.NONE && error !== ErrorCode.TOPIC_ALREADY_EXISTS)
      logger.warn({ topic: CONSUMER_OFFSETS, error, reason: message }, "could not create the offsets topic");
  }
}
