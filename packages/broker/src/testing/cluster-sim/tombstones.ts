import { must } from "@odradek/kit/simulation";

import type { SimRecord } from "./sim-record.ts";

/**
 * The tombstones of one stored log. One goes only when nothing older of its key is left, or a deleted key would be back (RELIABILITY L-19). Only those count that
 * this log has had: a follower that is away for longer than delete.retention.ms may never see one, in Kafka as here.
 */
export class Tombstones {
  /** Offsets by key. */
  readonly #had = new Map<string, number[]>();

  /** Records come in offset order, each once. */
  read({ key, offset, isTombstone }: SimRecord): void {
    if (!isTombstone) return;
    const before = this.#had.get(key!);
    if (before === undefined) this.#had.set(key!, [offset]);
    else before.push(offset);
  }

  /** These are all that is left of what was read. */
  judge(left: readonly SimRecord[], who: string): void {
    const offsets = new Set(left.map(({ offset }) => offset));
    const oldest = new Map(left.map(({ key, offset }) => [key, offset] as const).toReversed());
    for (const [key, had] of this.#had) {
      const from = oldest.get(key) ?? Infinity;
      const gone = had.find((offset) => offset > from && !offsets.has(offset));
      must(gone === undefined, `${who} has ${key} as of ${from}, and no more the tombstone of ${gone} that deletes it`);
    }
  }
}
