import { quantile } from "@odradek/kit";

export type Distribution = { count: number; p50: number; p99: number; max: number };

export function distributionOf(values: readonly number[]): Distribution {
  const sorted = values.toSorted((left, right) => left - right);
  const [p50, p99, max] = [0.5, 0.99, 1].map((part) => quantile(sorted, part)) as [number, number, number];
  return { count: sorted.length, p50, p99, max };
}
