import { must } from "@odradek/kit/simulation";

import type { SimRecord } from "./sim-record.ts";
import type { Survivors } from "./survivors.ts";

/** What a reader of a compacted log makes of it: the last value of each key. */
export class Table {
  readonly #survivors: Survivors | null;
  #from = 0;
  readonly #values = new Map<string, string>();

  constructor(survivors: Survivors | null) {
    this.#survivors = survivors;
  }

  /** Begins again, and will be shown everything from `offset` on. */
  from(offset: number): void {
    this.#from = offset;
    this.#values.clear();
  }

  read({ key, value, isTombstone }: SimRecord): void {
    if (key === null) return;
    if (isTombstone) this.#values.delete(key);
    else this.#values.set(key, value);
  }

  /** Everything has been read. A key that was deleted may still be here, when the reader came long after that. */
  judge(who: string): void {
    for (const { offset, key, value } of this.#survivors?.values() ?? []) {
      const read = this.#values.get(key);
      must(
        offset < this.#from || read === value,
        `${who} has read ${read} as the last value of ${key}, which is ${value}`,
      );
    }
  }
}
