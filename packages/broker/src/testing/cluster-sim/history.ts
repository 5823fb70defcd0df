import { must } from "@odradek/kit/simulation";

/** A record's value tells who sent it, as which of its records to this partition, and as which of all that were sent to it. */
export type Stamp = { producer: string; number: number; told: number };

export const valueOf = ({ producer, number, told }: Stamp, pad: string): string =>
  [producer, number, told, pad].join(":");

export const stampOf = (value: string): Stamp => {
  const [producer, number, told] = value.split(":");
  return { producer: producer!, number: Number(number), told: Number(told) };
};

/**
 * What was ever committed in one partition, as the first replica showed it that knew of it: nothing of it may be different anywhere, ever
 * after (RELIABILITY S1, S2, S4, S5).
 */
export class History {
  readonly name: string;
  readonly #values: string[] = [];
  readonly #offsets = new Map<string, number>();
  readonly #last = new Map<string, number>();
  /** Sends that were refused before anything was written. */
  readonly #refused = new Set<string>();
  acknowledged = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** The highest high watermark that any replica ever had. */
  get end(): number {
    return this.#values.length;
  }

  valueAt(offset: number): string | undefined {
    return this.#values[offset];
  }

  /** A replica counts this record as committed. */
  committed(offset: number, value: string, who: string): void {
    const known = this.#values[offset];
    if (known !== undefined)
      return must(known === value, `${who} has ${value} at ${this.name}/${offset}, where ${known} was committed`);
    must(offset === this.end, `${who} commits ${this.name}/${offset} after ${this.end - 1}`);
    const before = this.#offsets.get(value);
    must(before === undefined, `${value} is committed twice, as ${this.name}/${before} and ${offset}`);
    must(!this.#refused.has(value), `${value} was refused, and is committed as ${this.name}/${offset}`);
    this.#offsets.set(value, offset);
    this.#values.push(value);
    this.#inOrder(value, offset);
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
