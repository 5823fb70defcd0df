import type { Kv } from "@odradek/kit";

import { hashRow } from "./row-hash.ts";
import type { StateRow } from "./write.ts";

/** Rows that belong to the state machine. */
export const stateRange = { from: Buffer.from([0x40]), below: Buffer.from([0x80]) };

/** The digest of the state after an entry. */
export type Checkpoint = { index: number; digest: Buffer };

const words = 4;

/**
 * A digest of a set of rows that can follow single changes: the sum of the rows' hashes. It finds rows that LevelDB lost or
 * altered (RELIABILITY finding 1), and replicas with the same state have the same one (R-26). It is no defence against somebody who looks for
 * two states with the same digest.
 */
export class StateDigest {
  readonly #sum = new Uint32Array(words);

  constructor(digest?: Buffer) {
    if (digest) for (let word = 0; word < words; word++) this.#sum[word] = digest.readUInt32LE(word * 4);
  }

  add(key: Buffer, value: Buffer): void {
    const row = hashRow(key, value);
    for (let word = 0; word < words; word++) this.#sum[word] = this.#sum[word]! + row[word]!;
  }

  remove(key: Buffer, value: Buffer): void {
    const row = hashRow(key, value);
    for (let word = 0; word < words; word++) this.#sum[word] = this.#sum[word]! - row[word]!;
  }

  get bytes(): Buffer {
    const bytes = Buffer.alloc(words * 4);
    for (let word = 0; word < words; word++) bytes.writeUInt32LE(this.#sum[word]!, word * 4);
    return bytes;
  }

  /** Follows `writes` to rows of `kv`, which has neither them nor `written` yet; adds them to `written`. */
  follow(kv: Kv, writes: readonly StateRow[], written: Map<string, Buffer | undefined>): void {
    for (const write of writes) {
      const name = write.key.toString("latin1");
      const known = written.has(name) ? written.get(name) : write.before;
      const before = known === undefined && !written.has(name) ? kv.get(write.key) : known;
      if (before) this.remove(write.key, before);
      if (write.is === "put") this.add(write.key, write.value);
      written.set(name, write.is === "put" ? write.value : undefined);
    }
  }
}
