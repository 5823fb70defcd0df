import { assert } from "@odradek/kit";
import { limits } from "../limits.ts";
import { asBytes, fromBytes } from "./bytes.ts";
import type { Node } from "./znode.ts";

/** Why a revision came about: a write of a session, its end, or the first nodes of an empty tree. */
export type Cause = "request" | "close" | "expire" | "plant";

/** Who made a revision, and when. `timeMs` is the wall clock of the leader that proposed it, never earlier than that of the revision before. */
export type Author = { timeMs: number; cause: Cause; session: string | null; name: string };

/** What one revision did: nodes as they are since, paths that are gone, and both as they were before. All sorted by path. */
export type Changes = { revision: number; changed: Node[]; deleted: string[]; before: Node[]; by: Author };

/** `stored`: its form in the store, kept for snapshots. */
type Kept = { changes: Changes; stored: string };

/** A revision that is not kept any more, and what the store has of it. */
export type Dropped = { revision: number; stored: string };

/** What a kept revision costs beside its stored form: a bound needs no exact figure, but the same one on every node. */
const overheadBytes = 256;

const weight = ({ stored }: Kept): number => stored.length + overheadBytes;

/**
 * The last revisions, so that a watch resumes without loss (RELIABILITY C-07) and the past can be read. Part of the replicated
 * state: bounded by counts and bytes that are the same on every node. Revisions in it are contiguous. A version of a node is in
 * memory once, however many revisions refer to it.
 */
export class History {
  #kept: Kept[] = [];
  #bytes = 0;
  /** The revision before the first one kept. */
  #oldest: number;

  constructor(oldest = 0) {
    this.#oldest = oldest;
  }

  /** The oldest revision that can be read, and from which a watch can go on. */
  get oldest(): number {
    return this.#oldest;
  }

  get newest(): number {
    return this.#oldest + this.#kept.length;
  }

  get size(): number {
    return this.#kept.length;
  }

  /** Adds the next revision with its stored form; returns the revisions dropped for it, never that one itself. */
  add(changes: Changes, stored: Buffer): Dropped[] {
    assert(changes.revision === this.newest + 1, `history is contiguous: ${changes.revision} after ${this.newest}`);
    const added = { changes, stored: asBytes(stored) };
    this.#kept.push(added);
    this.#bytes += weight(added);
    let drop = 0;
    let bytes = this.#bytes;
    const isOver = (): boolean =>
      this.#kept.length - drop > limits.historyRevisionsMax || bytes > limits.historyBytesMax;
    while (drop < this.#kept.length - 1 && isOver()) bytes -= weight(this.#kept[drop++]!);
    return this.#drop(drop);
  }

  /** Forgets revisions up to and including `through`, which becomes the oldest one that can be read; returns those. */
  compact(through: number): Dropped[] {
    return this.#drop(Math.min(through, this.newest) - this.#oldest);
  }

  /** The newest revision that is older than `timeMs`; `oldest` when none of those kept is. */
  before(timeMs: number): number {
    let low = 0;
    let high = this.#kept.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#kept[middle]!.changes.by.timeMs < timeMs) low = middle + 1;
      else high = middle;
    }
    return this.#oldest + low;
  }

  /** All kept revisions in their stored form, oldest first. */
  stored(): (readonly [revision: number, stored: Buffer])[] {
    return this.#kept.map(({ changes, stored }) => [changes.revision, fromBytes(stored)] as const);
  }

  /** Revisions after `revision`, oldest first; null when some of them are no longer kept. */
  after(revision: number): Changes[] | null {
    if (revision < this.#oldest) return null;
    return this.#kept.slice(revision - this.#oldest).map((kept) => kept.changes);
  }

  #drop(count: number): Dropped[] {
    if (count <= 0) return [];
    return this.#kept.splice(0, count).map((kept) => {
      this.#bytes -= weight(kept);
      return { revision: ++this.#oldest, stored: kept.stored };
    });
  }
}
