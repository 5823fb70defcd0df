import type { Logger } from "@odradek/kit";

export type TopicOptions = {
  readonly partitions?: number;
  /** Left out: on three brokers, or as many as there are. */
  readonly replicationFactor?: number;
  readonly configs?: { readonly [name: string]: string };
};

export type ClusterOptions = {
  /** Three unless told otherwise, so that one may die. */
  readonly brokers?: number;
  /** Made before the cluster is handed over. A number is the count of partitions. */
  readonly topics?: { readonly [name: string]: number | TopicOptions };
  /** Broker settings by Kafka's names. */
  readonly settings?: { readonly [name: string]: string | number | boolean };
  /** The rack of each broker, in order. */
  readonly racks?: readonly string[];
  /** What the nodes log; nothing unless given. A pino logger fits. */
  readonly logger?: Logger;
};

/** A process has room for some; more is a mistake in a test rather than a wish. */
const BROKERS_MAX = 20;

/** Throws RangeError on options that no cluster can have. */
export function brokerCount({ brokers = 3, racks }: ClusterOptions): number {
  if (!Number.isInteger(brokers) || brokers < 1 || brokers > BROKERS_MAX)
    throw new RangeError(`brokers: 1 to ${BROKERS_MAX}, not ${brokers}`);
  if (racks !== undefined && racks.length !== brokers)
    throw new RangeError(`racks: one for each of ${brokers} brokers, not ${racks.length}`);
  return brokers;
}

/** As `odradek dev` sets a cluster of this size up, and with fewer partitions for groups: nobody waits for fifty in a test. */
export function settingsFor(count: number, { settings = {} }: ClusterOptions): Map<string, string> {
  const factor = String(Math.min(3, count));
  const usual = {
    "default.replication.factor": factor,
    "offsets.topic.replication.factor": factor,
    "offsets.topic.num.partitions": "3",
    "min.insync.replicas": count >= 3 ? "2" : "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "100",
  };
  return new Map(Object.entries({ ...usual, ...settings }).map(([name, value]) => [name, String(value)]));
}
