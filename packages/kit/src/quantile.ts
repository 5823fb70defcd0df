/** The smallest of sorted values that so large a part of them does not exceed (the nearest rank); NaN when there are none. */
export function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? NaN;
}
