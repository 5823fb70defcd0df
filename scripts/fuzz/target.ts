/** Something that takes bytes from strangers. */
export type Target = {
  readonly name: string;
  /**
   * What the product does with hostile bytes. Throws an error that it declares, or returns; a number tells successes apart.
   * Any other throw is a finding.
   */
  run(bytes: Buffer): number | undefined;
  /** The errors that it declares. */
  isExpected(error: unknown): boolean;
  /** Legal inputs, from which the search begins. */
  seeds(): Buffer[];
  /** Makes checksums and lengths right, in place, so that what lies behind them is reached. */
  repair?(bytes: Buffer): void;
  /** Inputs of different kinds that end alike are both worth keeping. A small number. */
  kindOf?(bytes: Buffer): number;
  /** Bytes that mean something to it. */
  readonly dictionary?: readonly Buffer[];
  /** Bytes that it may allocate for an input of this length, counted where a number says how many. */
  allowedBytes?(inputBytes: number): number;
};

/** Thrown by a target whose result contradicts itself: what was decoded can't be encoded, two readers disagree. */
export class Finding extends Error {
  override readonly name = "Finding";
}

export function expect(condition: boolean, otherwise: string): void {
  if (!condition) throw new Finding(otherwise);
}

/** Buffers of fixed size that do not depend on the input: writers' chunks, pooled reads. */
const FIXED_BYTES = 64 * 1024;

export const allowedBytes = (target: Target, inputBytes: number): number =>
  target.allowedBytes?.(inputBytes) ?? FIXED_BYTES + 64 * inputBytes;
