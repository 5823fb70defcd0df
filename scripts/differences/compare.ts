import type { Json } from "./normal.ts";

/** One place where two answers are not the same. */
export type Difference = { readonly path: string; readonly ours: string; readonly theirs: string };

type Fields = { readonly [name: string]: Json };

const shown = (value: Json | undefined): string => (value === undefined ? "nothing" : JSON.stringify(value));

/** Every leaf in which the two differ. Where the error codes do, what else stands beside them follows from that and is left out. */
export function compare(ours: Json | undefined, theirs: Json | undefined, path = ""): Difference[] {
  if (isFields(ours) && isFields(theirs)) {
    const names = hasOtherError(ours, theirs) ? ["errorCode"] : [...new Set([...keys(ours), ...keys(theirs)])];
    return names.flatMap((name) => compare(ours[name], theirs[name], path === "" ? name : `${path}.${name}`));
  }
  if (Array.isArray(ours) && Array.isArray(theirs)) {
    const length = Math.max(ours.length, theirs.length);
    return Array.from({ length }, (_, at) => compare(ours[at], theirs[at], `${path}[${at}]`)).flat();
  }
  return shown(ours) === shown(theirs) ? [] : [{ path, ours: shown(ours), theirs: shown(theirs) }];
}

const keys = (fields: Fields): string[] => Object.keys(fields);

const hasOtherError = (ours: Fields, theirs: Fields): boolean =>
  ours["errorCode"] !== undefined && theirs["errorCode"] !== undefined && ours["errorCode"] !== theirs["errorCode"];

const isFields = (value: Json | undefined): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
