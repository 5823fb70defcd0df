import type { StateRow } from "../store/write.ts";

/** So long may what was applied stay out of the store: a node that ends before applies it again, from its log. */
export const appliedRowsMs = 500;
/** Storing rows holds the loop, so not more than these are stored at once. */
const rowsMax = 4_000;

/**
 * What applying entries changed and the store does not have yet. Of a row that changed several times only the last version is stored, and
 * nothing of one that came and went: under load most rows of an entry are soon written again (the tree's revision, a session's numbers) or
 * removed (answers that were taken).
 */
export class AppliedRows {
  readonly #rows = new Map<string, StateRow>();
  #index = 0;

  get isFull(): boolean {
    return this.#rows.size >= rowsMax;
  }

  /** Rows after entry `index`. */
  add(index: number, rows: readonly StateRow[]): void {
    this.#index = index;
    for (const row of rows) {
      const name = row.key.toString("latin1");
      const waiting = this.#rows.get(name);
      // What the store has is what it had before the first of them.
      if (!waiting) this.#rows.set(name, row);
      else if (row.is === "delete" && waiting.before === null) this.#rows.delete(name);
      else this.#rows.set(name, withBefore(row, waiting.before));
    }
  }

  /** Everything that waits, with the entry it is the state of; null when nothing does. */
  take(): { index: number; writes: StateRow[] } | null {
    if (this.#index === 0) return null;
    const taken = { index: this.#index, writes: [...this.#rows.values()] };
    this.drop();
    return taken;
  }

  /** A snapshot has replaced the state. */
  drop(): void {
    this.#rows.clear();
    this.#index = 0;
  }
}

function withBefore(row: StateRow, before: Buffer | null | undefined): StateRow {
  const { is, key } = row;
  const known = before === undefined ? {} : { before };
  return is === "put" ? { is, key, value: row.value, ...known } : { is, key, ...known };
}
