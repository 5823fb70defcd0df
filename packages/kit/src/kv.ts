export type KvWrite = { is: "put"; key: Buffer; value: Buffer } | { is: "delete"; key: Buffer };
export type KvRange = { from: Buffer; below: Buffer; reverse?: boolean; limit?: number };

/** The port to an ordered key-value store; keys compare as unsigned bytes. Failures are thrown and leave the outcome of the batch unknown. */
export interface Kv {
  /** All or nothing. With `sync` it resolves once the batch is on stable storage. */
  batch(writes: readonly KvWrite[], options: { sync: boolean }): Promise<void>;
  get(key: Buffer): Buffer | undefined;
  /** Entries in key order as they were when the call began. */
  range(range: KvRange): AsyncIterable<readonly [key: Buffer, value: Buffer]>;
  close(): Promise<void>;
}
