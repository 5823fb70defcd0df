import type { Znode } from "../client/types.ts";
import { limits } from "../limits.ts";

/** A node as the tree keeps it. Never changed in place: events and history hold on to it. */
export type Node = Readonly<Znode & { /** Number of the next sequential child. */ nextSequence: number }>;

export const ROOT: Node = {
  path: "/",
  data: Buffer.alloc(0),
  version: 1,
  createdRevision: 0,
  modifiedRevision: 0,
  owner: null,
  childCount: 0,
  nextSequence: 0,
};

/** "/" or "/a/b": names are not empty, not "." or "..", and have no control characters. */
export function isPath(path: string): boolean {
  if (path === "/") return true;
  if (!path.startsWith("/") || Buffer.byteLength(path) > limits.pathBytesMax) return false;
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(path)) return false;
  const names = path.slice(1).split("/");
  return names.length <= limits.pathDepthMax && names.every((name) => name !== "" && name !== "." && name !== "..");
}

/** "/a/b" → "/a", "/a" → "/". The root has no parent. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash === 0 ? "/" : path.slice(0, slash);
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function childPath(parent: string, name: string): string {
  return parent === "/" ? `/${name}` : `${parent}/${name}`;
}

/** Whether `path` is `ancestor` or lies below it. */
export function isUnder(path: string, ancestor: string): boolean {
  if (ancestor === "/" || path === ancestor) return true;
  return path.startsWith(ancestor) && path.charCodeAt(ancestor.length) === 0x2f;
}

/** Ten digits sort as text in the order of their numbers. */
export function sequentialPath(path: string, sequence: number): string {
  return path + sequence.toString().padStart(10, "0");
}

/** Order of paths in pictures, snapshots and digests: code units, so that a parent comes before what is below it. */
export function byPath(left: { path: string }, right: { path: string }): number {
  return left.path < right.path ? -1 : left.path > right.path ? 1 : 0;
}
