import type { TopicConfig } from "../config.ts";

/** One partition with a replica on this broker, as one picture of the cluster has it. */
export type Assignment = {
  topic: string;
  /** base64url of the 16 bytes. */
  topicId: string;
  partition: number;
  replicas: number[];
  /** -1: none. */
  leader: number;
  leaderEpoch: number;
  isr: number[];
  /** Replicas outside the ISR count on it that nothing is committed without them (KIP-966). */
  hasEligible: boolean;
  /** The cluster has been told that our replica can't be served. */
  isOffline?: boolean;
  /** Version of the partition's node in the tree: what a change of the in-sync replicas must name. */
  version: number;
  /** The node was written after our own registration; only then may we lead by it (a quick restart can't resume an old epoch). */
  leadsSinceRegistration: boolean;
  config: TopicConfig;
};

/** A live broker as replication sees it. */
export type Peer = { id: number; grpcAddress: string; incarnation: string; shuttingDown: boolean };

/** A change of a partition's in-sync replicas that its leader wants. */
export type InSyncChange = {
  topic: string;
  partition: number;
  leaderEpoch: number;
  version: number;
  isr: number[];
  /** Incarnation of every replica that `isr` adds, as the leader knew it when the replica caught up. */
  addedIncarnations: Map<number, string>;
  /** Who is to lead from then on, in an epoch of its own; the same leader in the same epoch when it is not there. */
  leadership?: { leader: number; leaderEpoch: number };
};

/** Port to the tree for changes of in-sync replicas; the cluster room implements it. */
export interface InSyncStore {
  /** accepted: written; the next image shows it. rejected: something changed; the next image tells what. Rejects only when the session is gone. */
  propose(change: InSyncChange): Promise<"accepted" | "rejected">;
}
