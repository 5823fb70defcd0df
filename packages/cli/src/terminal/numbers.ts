import { Failure } from "./failure.ts";

export type WholeRange = { readonly min: number; readonly max: number };

/** The numbers of Kafka's protocol that a person may type. */
export const partitionIds: WholeRange = { min: 0, max: 2 ** 31 - 1 };
export const partitionCounts: WholeRange = { min: 1, max: 2 ** 31 - 1 };
export const replicationFactors: WholeRange = { min: 1, max: 2 ** 15 - 1 };
export const nodeIds: WholeRange = { min: 1, max: 2 ** 31 - 1 };
export const ports: WholeRange = { min: 1, max: 65_535 };
/** How many of something to show, versions and revisions of nodes: as far as numbers are exact. */
export const revisions: WholeRange = { min: 0, max: Number.MAX_SAFE_INTEGER };
export const counts: WholeRange = { min: 1, max: Number.MAX_SAFE_INTEGER };
export const levels: WholeRange = { min: 0, max: 2 ** 31 - 1 };

/** An option or argument that takes one whole number; anything else is a usage error that names it and its range. */
export function wholeNumber(name: string, range: WholeRange) {
  return { type: "number", requiresArg: true, coerce: (value: unknown) => checked(name, value, range) } as const;
}

/** The same for an option that may be repeated. */
export function wholeNumbers(name: string, range: WholeRange) {
  const coerce = (values: readonly unknown[]): number[] => values.map((value) => checked(name, value, range));
  return { type: "number", array: true, nargs: 1, requiresArg: true, default: [], coerce } as const;
}

function checked(name: string, value: unknown, { min, max }: WholeRange): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw new Failure("usage", `${name} takes one whole number from ${min} to ${max}`);
}
