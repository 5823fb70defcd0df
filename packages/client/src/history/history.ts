import { type Anomaly, Findings } from "./anomalies.ts";
import { ConsumerHistory, type GroupCoverage, type ReadRecord } from "./consumer-history.ts";
import { PartitionHistory, type ProducerTraits } from "./partition-history.ts";
import { ProducerHistory } from "./producer-history.ts";

export { type Anomaly, type AnomalyName, meanings, type Witness } from "./anomalies.ts";
export type { ConsumerHistory, ProducerHistory, ReadRecord };

export type Verdict = {
  readonly anomalies: readonly Anomaly[];
  readonly counts: {
    readonly sent: number;
    readonly acknowledged: number;
    readonly failed: number;
    /** Neither acknowledged nor known to have failed: such a record may be in the log or not. */
    readonly unknown: number;
    readonly polled: number;
  };
};

/** About 40 bytes each. */
const RECORDS_MAX = 16 * 1024 * 1024;

/**
 * What clients saw of some partitions, told in the order in which it happened, and a judgement of it: Jepsen's anomalies of a
 * Kafka log, in linear time. Records are told apart by their values: every send is told first, and the record carries the
 * number that comes back. An acknowledgement means all in-sync replicas and no transaction: others promise something else.
 */
export class History {
  readonly #findings = new Findings();
  readonly #partitions = new Map<string, PartitionHistory>();
  readonly #producers: ProducerTraits[] = [];
  readonly #groups = new Map<string, GroupCoverage>();
  readonly #recordsMax: number;
  #records = 0;

  constructor({ recordsMax = RECORDS_MAX }: { recordsMax?: number } = {}) {
    this.#recordsMax = recordsMax;
  }

  producer(name: string, { isIdempotent = true }: { isIdempotent?: boolean } = {}): ProducerHistory {
    const index = this.#producers.push({ name, isIdempotent }) - 1;
    const send = (partition: string): number => {
      if (++this.#records > this.#recordsMax)
        throw new RangeError(`a history holds ${this.#recordsMax} records at most`);
      return this.#partition(partition).send(index);
    };
    return new ProducerHistory(send, this.#partition);
  }

  /** A consumer of its own, or a member of a group. `groupFrom`: the offset at which every partition begins for a new group, if known. */
  consumer(
    name: string,
    group: string | null = null,
    { groupFrom = null }: { groupFrom?: number | null } = {},
  ): ConsumerHistory {
    return new ConsumerHistory(name, group === null ? null : this.#group(group, groupFrom), this.#partition);
  }

  /** The whole log as it stands at the end, from its start; may come in pieces, and an empty one says that nothing is there. */
  log(partition: string, records: readonly ReadRecord[], { start = 0 }: { start?: number } = {}): void {
    const told = this.#partition(partition);
    told.openLog(start);
    for (const { offset, value } of records) told.stored(value, offset);
  }

  /** To be called once. `isReadToEnd`: consumers had the time to poll everything. */
  judge({ isReadToEnd = false }: { isReadToEnd?: boolean } = {}): Verdict {
    const counts = { sent: 0, acknowledged: 0, failed: 0, unknown: 0, polled: 0 };
    for (const partition of this.#partitions.values()) {
      partition.judge(isReadToEnd);
      const { sent, acknowledged, failed, polled } = partition.counts;
      counts.sent += sent;
      counts.acknowledged += acknowledged;
      counts.failed += failed;
      counts.unknown += sent - acknowledged - failed;
      counts.polled += polled;
    }
    return { anomalies: this.#findings.list(), counts };
  }

  #group(name: string, from: number | null): GroupCoverage {
    let group = this.#groups.get(name);
    if (group === undefined) this.#groups.set(name, (group = { name, from, next: new Map() }));
    return group;
  }

  readonly #partition = (name: string): PartitionHistory => {
    let partition = this.#partitions.get(name);
    if (partition === undefined)
      this.#partitions.set(name, (partition = new PartitionHistory(name, this.#producers, this.#findings)));
    return partition;
  };
}
