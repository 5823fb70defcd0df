import { must } from "@odradek/kit/simulation";

import type { SimRecord } from "./sim-record.ts";
import { stampOf } from "./stamp.ts";
import type { Survivors } from "./survivors.ts";

/**
 * What was ever committed in one partition, as the first replica showed it that knew of it: nothing of it may be different anywhere, ever
 * after (RELIABILITY S1, S2, S4, S5).
 */
export class History {
  readonly name: string;
  /** Null: nothing is compacted. */
  readonly survivors: Survivors | null;
  readonly #values: string[] = [];
  readonly #offsets = new Map<string, number>();
  readonly #last = new Map<string, number>();
  /** Sends that were refused before anything was written. */
  readonly #refused = new Set<string>();
  acknowledged = 0;

  constructor(name: string, survivors: Survivors | null = null) {
    this.name = name;
    this.survivors = survivors;
  }

  /** The highest high watermark that any replica ever had. */
  get end(): number {
    return this.#values.length;
  }

  valueAt(offset: number): string | undefined {
    return this.#values[offset];
  }

  /** A replica counts this record as committed. */
  committed(record: SimRecord, who: string): void {
    const { offset, value } = record;
    const known = this.#values[offset];
    if (known !== undefined)
      return must(known === value, `${who} has ${value} at ${this.name}/${offset}, where ${known} was committed`);
    must(offset === this.end, `${who} commits ${this.name}/${offset} after ${this.end - 1}`);
    const before = this.#offsets.get(value);
    must(before === undefined, `${value} is committed twice, as ${this.name}/${before} and ${offset}`);
    must(!this.#refused.has(value), `${value} was refused, and is committed as ${this.name}/${offset}`);
    this.#offsets.set(value, offset);
    this.#values.push(value);
    this.survivors?.committed(record);
    this.#inOrder(value, offset);
  }

  /** Somebody who has all that is committed around them has none of the records from `from` up to `to`. */
  missing(from: number, to: number, who: string): void {
    for (let offset = from; offset < to; offset++)
      must(
        this.survivors?.mayBeGone(offset) === true,
        `${who} lacks ${this.name}/${offset}: ${this.#values[offset]?.slice(0, 20)}`,
      );
  }

  /** All of it from `start` on. */
  from(start: number): { offset: number; value: string }[] {
    return this.#values.slice(start).map((value, at) => ({ offset: start + at, value }));
  }

  /** A producer was told that its record is safe. */
  acknowledge(value: string, offset: number): void {
    const known = this.#values[offset];
    must(
      known === value,
      `${value} was acknowledged as ${this.name}/${offset}, where ${known ?? "nothing"} is committed`,
    );
    this.acknowledged++;
  }

  /** A producer was told that its record was not, and will not be, written. */
  refused(value: string): void {
    must(!this.#offsets.has(value), `${value} was refused, and is committed in ${this.name}`);
    this.#refused.add(value);
  }

  /** Records of one producer that keeps order come in its order (I-01, I-02, I-10). */
  #inOrder(value: string, offset: number): void {
    const { producer, number } = stampOf(value);
    if (!producer.startsWith("i")) return;
    const last = this.#last.get(producer) ?? 0;
    must(number === last + 1, `${value} is committed as ${this.name}/${offset} right after ${producer}:${last}`);
    this.#last.set(producer, number);
  }
}
