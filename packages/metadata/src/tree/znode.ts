import { limits } from "../limits.ts";
import { asBytes, fromBytes, numberBytes } from "./bytes.ts";
import { encode, type NodeFields } from "./keys/node.ts";

/**
 * A node as the tree keeps it. Never changes: events and history hold on to it. Its data is not kept as a Buffer, which costs hundreds of bytes
 * besides what is in it, but inside its row of the store, and the row as a string of bytes: one object on the heap, ready for the next snapshot.
 */
export class Node implements NodeFields {
  readonly path: string;
  readonly version: number;
  readonly createdRevision: number;
  readonly modifiedRevision: number;
  readonly owner: string | null;
  readonly childCount: number;
  readonly nextSequence: number;
  readonly #row: string;
  readonly #dataAt: number;
  readonly #dataBytes: number;

  /** `row`: what is stored of these fields. */
  constructor(fields: NodeFields, row = encode(fields)) {
    ({ path: this.path, version: this.version, owner: this.owner, childCount: this.childCount } = fields);
    ({ createdRevision: this.createdRevision, modifiedRevision: this.modifiedRevision } = fields);
    this.nextSequence = fields.nextSequence;
    this.#row = asBytes(row);
    this.#dataBytes = fields.data.length;
    const pathBytes = Buffer.byteLength(this.path);
    this.#dataAt = numberBytes(pathBytes) + pathBytes + numberBytes(this.#dataBytes);
  }

  /** A copy. */
  get data(): Buffer {
    return fromBytes(this.#row.slice(this.#dataAt, this.#dataAt + this.#dataBytes));
  }

  /** What the store has of it. */
  get row(): Buffer {
    return fromBytes(this.#row);
  }

  /** The same node with other fields. */
  with(changes: Partial<NodeFields>): Node {
    const { path, version, createdRevision, modifiedRevision, owner, childCount, nextSequence } = this;
    const same = { path, version, createdRevision, modifiedRevision, owner, childCount, nextSequence };
    return new Node({ data: changes.data ?? this.data, ...same, ...changes });
  }
}

export const ROOT = new Node({
  path: "/",
  data: Buffer.alloc(0),
  version: 1,
  createdRevision: 0,
  modifiedRevision: 0,
  owner: null,
  childCount: 0,
  nextSequence: 0,
});

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
