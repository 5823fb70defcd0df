import { assert } from "@odradek/kit";

/** Bounds of a broker that are not settings, each with its reason. */
export const limits = {
  /** Operations and bytes of one transaction on the tree: what a metadata node takes (its limits.ts), bounded by DESIGN D5. */
  multiOperationsMax: 500,
  multiBytesMax: 512 * 1024,
  /** Changes of in-sync replicas in one transaction: with a check for each of their members it stays below `multiOperationsMax`. */
  inSyncChangesMax: 300,
  /** Transactions of one request for topics that are under way at once: they share the store's flushes. */
  topicTransactionsAtOnce: 16,
  /** Producer ids reserved by one write to the tree; what a dying broker did not hand out is lost, and there are 2^53. */
  producerIdBlock: 1000,
  /** Kafka's longest topic name: with "-" and a partition it must fit into a directory name. */
  topicNameLengthMax: 249,
  /** Partitions one request may create, as in Kafka. */
  partitionsPerRequestMax: 10_000,
  /** Tries of an optimistic transaction before the request is answered as failed: each one lost means that somebody else won. */
  transactionTriesMax: 20,
  /** How long a created topic is waited for: in our own image, and for its leader (DESIGN D4). */
  ownImageTimeoutMs: 5_000,
  leaderTimeoutMs: 1_000,
  /** How long a request waits for a transaction: longer than the store needs for another leader, shorter than a person's patience. */
  storeAnswerTimeoutMs: 3_000,
  /** How long a Metadata request waits for the topics that it creates; a client that gets none asks again. */
  autoCreateTimeoutMs: 5_000,
  /** What a stopping broker waits for its leaderships to be taken over. */
  handOverTimeoutMs: 5_000,
} as const;

assert(
  limits.multiBytesMax >= 512 * limits.multiOperationsMax,
  "an operation of usual size never splits a full transaction",
);
