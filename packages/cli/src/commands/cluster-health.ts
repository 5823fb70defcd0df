import type { KafkaStatus } from "../kafka/cluster-status.ts";
import { leaderOf, type MemberRow } from "../meta/status.ts";

export type MetaStatus = {
  leader: number | null;
  term: number | null;
  revision: number | null;
  up: number;
  members: number;
  /** Members with too little room on their disks. */
  shortOfDisk: number[];
};
export type ClusterStatus = KafkaStatus & { health: "healthy" | "degraded" | "down"; meta: MetaStatus | null };

export function metaStatus(members: readonly MemberRow[]): MetaStatus {
  const leader = leaderOf(members);
  return {
    leader: leader?.member ?? null,
    term: leader?.status?.term ?? null,
    revision: leader?.status?.revision ?? null,
    up: members.filter(({ status: answer }) => answer !== null).length,
    members: members.length,
    shortOfDisk: members.filter(({ status }) => status !== null && status.space !== "ok").map(({ member }) => member),
  };
}

/** Down: something cannot be served. Degraded: all is served, with less protection than there should be. */
export function healthOf(kafka: KafkaStatus, meta: MetaStatus | null): ClusterStatus["health"] {
  if (kafka.partitions.offline > 0 || meta?.leader === null) return "down";
  const isWhole = kafka.partitions.underReplicated === 0 && kafka.brokers.every(({ state }) => state === "up");
  const isCaredFor = meta === null || (meta.up === meta.members && meta.shortOfDisk.length === 0);
  return isWhole && isCaredFor ? "healthy" : "degraded";
}
