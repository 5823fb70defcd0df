import { assert } from "@odradek/kit";
import type { WatchEvent } from "../client/types.ts";
import { limits } from "../limits.ts";
import type { Node } from "./znode.ts";
import { isUnder } from "./znode.ts";

/** What one revision did: nodes as they are now, and paths that are gone. Sorted by path. */
export type Changes = { revision: number; changed: Node[]; deleted: string[] };

export type WatchRange = { path: string; recursive: boolean };

/** The part of a revision that a watch sees; null when it sees none of it. */
export function seenBy(range: WatchRange, changes: Changes): Extract<WatchEvent, { is: "changes" }> | null {
  const sees = (path: string): boolean => (range.recursive ? isUnder(path, range.path) : path === range.path);
  const changed = changes.changed.filter((node) => sees(node.path));
  const deleted = changes.deleted.filter(sees);
  if (changed.length === 0 && deleted.length === 0) return null;
  return { is: "changes", revision: changes.revision, changed, deleted };
}

/**
 * The last revisions, so that a watch resumes without loss (RELIABILITY C-07). Part of the replicated state: bounded by
 * counts and bytes that are the same on every node. Revisions in it are contiguous.
 */
export class History {
  /** `stored` is the revision's form in the store, kept for snapshots. */
  #kept: { changes: Changes; stored: Buffer }[] = [];
  #bytes = 0;
  /** The revision before the first one kept. */
  #oldest: number;

  constructor(oldest = 0) {
    this.#oldest = oldest;
  }

  /** The oldest revision from which a watch can go on. */
  get oldest(): number {
    return this.#oldest;
  }

  get newest(): number {
    return this.#oldest + this.#kept.length;
  }

  /** Adds the next revision with its stored form; returns the revisions dropped for it. */
  add(changes: Changes, stored: Buffer): number[] {
    assert(changes.revision === this.newest + 1, `history is contiguous: ${changes.revision} after ${this.newest}`);
    this.#kept.push({ changes, stored });
    this.#bytes += stored.length;
    const dropped: number[] = [];
    while (this.#kept.length > limits.historyRevisionsMax || this.#bytes > limits.historyBytesMax) {
      this.#bytes -= this.#kept.shift()!.stored.length;
      dropped.push(++this.#oldest);
    }
    return dropped;
  }

  /** All kept revisions in their stored form, oldest first. */
  stored(): (readonly [revision: number, stored: Buffer])[] {
    return this.#kept.map(({ changes, stored }) => [changes.revision, stored] as const);
  }

  /** Revisions after `revision`, oldest first; null when some of them are no longer kept. */
  after(revision: number): Changes[] | null {
    if (revision < this.#oldest) return null;
    return this.#kept.slice(revision - this.#oldest).map((kept) => kept.changes);
  }
}
