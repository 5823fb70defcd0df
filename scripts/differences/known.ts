import type { Found } from "./run.ts";

/** Differences that are meant; docs/differences.md says why, under the same title. */
export type Known = { readonly title: string; matches(found: Found): boolean };

export const known: readonly Known[] = [];

/** Under which title of docs/differences.md it stands; null: nobody has judged it yet. */
export const titleOf = (found: Found): string | null => known.find((one) => one.matches(found))?.title ?? null;
