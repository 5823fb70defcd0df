import type { PartitionHistory } from "./partition-history.ts";

/** A record as it was read: the value is the number that `send` gave, or -1 when the bytes are no such number. */
export type ReadRecord = { readonly offset: number; readonly value: number };

/** What all members of a group have polled. */
export type GroupCoverage = {
  readonly name: string;
  /** Where a partition begins for it; null: wherever its first poll does. */
  readonly from: number | null;
  /** By partition, the offset behind what was polled. */
  readonly next: Map<string, number>;
};

type AnomalyOf = {
  readonly back: "nonmonotonic-poll" | "internal-nonmonotonic-poll";
  readonly skip: "poll-skip" | "internal-poll-skip";
};
const betweenPolls: AnomalyOf = { back: "nonmonotonic-poll", skip: "poll-skip" };
const withinPoll: AnomalyOf = { back: "internal-nonmonotonic-poll", skip: "internal-poll-skip" };

/** What one consumer polled. */
export class ConsumerHistory {
  readonly #name: string;
  readonly #group: GroupCoverage | null;
  readonly #partition: (name: string) => PartitionHistory;
  /** By partition, the offset before the one that must come next. */
  readonly #last = new Map<string, number>();

  constructor(name: string, group: GroupCoverage | null, partition: (name: string) => PartitionHistory) {
    this.#name = name;
    this.#group = group;
    this.#partition = partition;
  }

  /** It has other partitions from here on, or begins anew with the same ones. */
  assigned(): void {
    this.#last.clear();
  }

  /** The next poll begins at `offset`, or wherever the broker says if null. */
  sought(partition: string, offset: number | null): void {
    if (offset === null) this.#last.delete(partition);
    else this.#last.set(partition, offset - 1);
  }

  /** One poll of one partition. */
  polled(partition: string, records: readonly ReadRecord[]): void {
    if (records.length === 0) return;
    const log = this.#partition(partition);
    this.#coverGroup(log, partition, records);
    let last = this.#last.get(partition);
    let anomaly = betweenPolls;
    for (const { offset, value } of records) {
      log.polled(value, offset, this.#name);
      if (last !== undefined && offset <= last)
        log.found(anomaly.back, offset, value, `${this.#name} had polled ${last} before`);
      if (last !== undefined && offset > last + 1)
        log.jumped({ name: anomaly.skip, from: last, to: offset, who: this.#name });
      last = offset;
      anomaly = withinPoll;
    }
    this.#last.set(partition, last!);
  }

  /** Members may repeat one another's records, but not leave any to nobody. */
  #coverGroup(log: PartitionHistory, partition: string, records: readonly ReadRecord[]): void {
    if (this.#group === null) return;
    const first = records[0]!.offset;
    const next = this.#group.next.get(partition) ?? this.#group.from ?? first;
    if (first > next) log.jumped({ name: "group-skip", from: next - 1, to: first, who: `group ${this.#group.name}` });
    this.#group.next.set(partition, Math.max(next, records.at(-1)!.offset + 1));
  }
}
