import type { Json } from "./normal.ts";

/** One place where two answers are not the same. */
export type Difference = { readonly path: string; readonly ours: string; readonly theirs: string };

const shown = (value: Json | undefined): string => (value === undefined ? "nothing" : JSON.stringify(value));

/** Every leaf in which the two differ. */
export function compare(ours: Json | undefined, theirs: Json | undefined, path = ""): Difference[] {
  if (isFields(ours) && isFields(theirs)) {
    const names = new Set([...Object.keys(ours), ...Object.keys(theirs)]);
    return [...names].flatMap((name) => compare(ours[name], theirs[name], path === "" ? name : `${path}.${name}`));
  }
  if (Array.isArray(ours) && Array.isArray(theirs)) {
    const length = Math.max(ours.length, theirs.length);
    return Array.from({ length }, (_, at) => compare(ours[at], theirs[at], `${path}[${at}]`)).flat();
  }
  return shown(ours) === shown(theirs) ? [] : [{ path, ours: shown(ours), theirs: shown(theirs) }];
}

const isFields = (value: Json | undefined): value is { readonly [name: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value);
