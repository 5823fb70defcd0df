import { Reader } from "../bytes/reader.ts";
import type { Codec } from "../schema/type.ts";
import { ProtocolError } from "../bytes/protocol-error.ts";

/**
 * A Reader that invents what it reads. Reading any codec from it gives a legal random value of that codec's type, so that
 * round trips can be tested for every message without a second description of it. The same seed gives the same value.
 */
class Dice extends Reader {
  #state: number;

  constructor(seed: number) {
    super(Buffer.alloc(0));
    this.#state = seed | 0;
  }

  /** mulberry32: an integer from 0 to `below` - 1. */
  #roll(below: number): number {
    this.#state = (this.#state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  }

  #pick<T>(...values: readonly T[]): T {
    return values[this.#roll(values.length)]!;
  }

  override int8 = (): number => this.#pick(0, 1, 2, 127, -128, -1);
  override bool = (): boolean => this.#roll(2) === 1;
  override int16 = (): number => this.#pick(0, 1, 2, 3, 300, 0x7fff, -1);
  override uint16 = (): number => this.#pick(0, 1, 0xffff);
  override int32 = (): number => this.#pick(0, 1, 2, 3, 70_000, 0x7fff_ffff, -1);
  override int64 = (): number =>
    this.#pick(0, 1, -1, 2 ** 32, 2 ** 40 + 5, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER);
  override int64Unbounded = (): number => this.#pick(0, -1, 1_700_000_000_000, Infinity, -Infinity);
  override uvarint = (): number => this.#pick(0, 0, 1, 1, 2, 3);
  override uuid = (): string => Buffer.from(Array.from({ length: 16 }, () => this.#roll(256))).toString("base64url");
  override utf8 = (size: number): string =>
    Array.from({ length: size }, () => this.#pick("a", "é", "語", "🧵", "_")).join("");
  override slice = (size: number): Buffer => Buffer.alloc(size === 3 ? 5000 : size, this.#roll(256));
  override count = (count: number): number => Math.abs(count) % 4;
  override skip = (): void => undefined;
}

/** A legal value, or null when the dice fell on something this version forbids, such as null where a value is required. */
export function randomValue<T, D>(codec: Codec<T, D>, seed: number): T | null {
  try {
    return codec.read(new Dice(seed));
  } catch (error) {
    if (error instanceof ProtocolError) return null;
    throw error;
  }
}
