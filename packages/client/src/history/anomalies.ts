/** What the history of a log must never show; the names are those of Jepsen's Kafka workload where it has one. */
export const meanings = {
  "inconsistent-offsets": "one offset held two values",
  duplicate: "one value stands at two offsets",
  "lost-write": "an acknowledged or consumed value is not where it was said to be, nor anywhere else",
  unseen: "an acknowledged value was never polled, though the consumers read to the end",
  "aborted-read": "a value was read whose send had definitely failed",
  "invented-read": "a value was read that nobody had sent",
  "nonmonotonic-send": "a producer's later record was acknowledged at a smaller offset",
  "realtime-send": "a record stands before one that was acknowledged before it was sent",
  "internal-nonmonotonic-poll": "offsets went back within one poll",
  "nonmonotonic-poll": "a consumer went back from one poll to the next, without a seek or a new assignment",
  "internal-poll-skip": "a poll left out a record between two others",
  "poll-skip": "a consumer left out records from one poll to the next, without a seek or a new assignment",
  "group-skip": "a group went on behind records that none of its members had polled",
} as const;

export type AnomalyName = keyof typeof meanings;

/** One place where it shows. */
export type Witness = {
  readonly partition: string;
  readonly offset: number | null;
  readonly value: number | null;
  readonly says: string;
};

/** `witnesses` are the first ones only, `count` is of all. */
export type Anomaly = { readonly name: AnomalyName; readonly count: number; readonly witnesses: readonly Witness[] };

/** Enough to begin looking; one fault can show in every record after it. */
const WITNESSES_MAX = 10;

/** What has been found so far, in bounded memory. */
export class Findings {
  readonly #found = new Map<AnomalyName, { count: number; witnesses: Witness[] }>();

  add(name: AnomalyName, witness: Witness): void {
    const found = this.#found.get(name) ?? { count: 0, witnesses: [] };
    this.#found.set(name, found);
    found.count++;
    if (found.witnesses.length < WITNESSES_MAX) found.witnesses.push(witness);
  }

  list(): Anomaly[] {
    return [...this.#found].map(([name, { count, witnesses }]) => ({ name, count, witnesses: [...witnesses] }));
  }
}
