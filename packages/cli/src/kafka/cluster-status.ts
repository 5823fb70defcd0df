import { type Admin, DeadlineError, KafkaError } from "@odradek/client";
import { lagOf } from "./groups.ts";

export type BrokerStatus = {
  broker: number;
  state: "up" | "DOWN";
  host: string | null;
  controller: boolean;
  leaders: number;
  replicas: number;
  /** Replicas on this broker that are not in sync. */
  outOfSync: number;
};

export type KafkaStatus = {
  clusterId: string | null;
  controller: number | null;
  brokers: BrokerStatus[];
  partitions: { total: number; underReplicated: number; offline: number };
  /** `lag` null: nobody who knows has answered. */
  groups: { group: string; lag: number | null }[];
};

/** The cluster as its clients see it. `known`: brokers that should be there, with their addresses. */
export async function kafkaStatus(admin: Admin, known: ReadonlyMap<number, string>): Promise<KafkaStatus> {
  const [cluster, listed, groups] = await Promise.all([
    admin.describeCluster(),
    admin.listTopics(),
    admin.listGroups(),
  ]);
  const topics = listed.length === 0 ? [] : await admin.describeTopics(listed.map(({ name }) => name));
  const partitions = topics.flatMap((topic) => topic.partitions);
  const live = new Map(cluster.brokers.map(({ id, host, port }) => [id, `${host}:${port}`]));
  const ids = new Set([...known.keys(), ...live.keys(), ...partitions.flatMap(({ replicas }) => replicas)]);
  const lags = await Promise.all(
    groups.map(async ({ groupId }) => ({ group: groupId, lag: await lagIn(admin, groupId) })),
  );
  return {
    clusterId: cluster.clusterId,
    controller: cluster.controllerId,
    brokers: [...ids]
      .sort((a, b) => a - b)
      .map((broker): BrokerStatus => {
        const held = partitions.filter(({ replicas }) => replicas.includes(broker));
        return {
          broker,
          state: live.has(broker) ? "up" : "DOWN",
          host: live.get(broker) ?? known.get(broker) ?? null,
          controller: broker === cluster.controllerId,
          leaders: partitions.filter(({ leader }) => leader === broker).length,
          replicas: held.length,
          outOfSync: held.filter(({ inSyncReplicas }) => !inSyncReplicas.includes(broker)).length,
        };
      }),
    partitions: {
      total: partitions.length,
      underReplicated: partitions.filter(({ replicas, inSyncReplicas }) => inSyncReplicas.length < replicas.length)
        .length,
      offline: partitions.filter(({ leader }) => leader < 0).length,
    },
    groups: lags,
  };
}

/** A group whose coordinator does not answer must not hide the rest: status is asked for when things are broken. */
async function lagIn(admin: Admin, group: string): Promise<number | null> {
  try {
    const rows = await lagOf(admin, group);
    return rows.reduce((sum, { lag }) => sum + lag, 0);
  } catch (error) {
    if (error instanceof DeadlineError || error instanceof KafkaError) return null;
    throw error;
  }
}
