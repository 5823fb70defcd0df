import type { Kv, KvRange, KvWrite } from "@odradek/kit";
import { Level } from "level";

type Waiting = { writes: readonly KvWrite[]; sync: boolean; done: () => void; failed: (error: Error) => void };
type Batch = { type: "put"; key: Buffer; value: Buffer } | { type: "del"; key: Buffer };

/** Rows fetched at once; `for await` over single rows is twenty times slower (PERFORMANCE §4). */
const rowsAtOnce = 1000;
/** As many bytes as these rows usually have: the default, 16 KiB, would fetch eighty. */
const bytesAtOnce = 512 * 1024;

/**
 * The port `Kv` on LevelDB. One batch is in flight at a time and takes everything that waits: group commit, sixteen times the
 * rate of concurrent batches (PERFORMANCE §4). A failed batch fails all that waited behind it: LevelDB accepts nothing after a failure.
 */
export class LevelKv implements Kv {
  readonly #level: Level<Buffer, Buffer>;
  #waiting: Waiting[] = [];
  #running: Promise<void> | null = null;
  #failed: Error | null = null;

  private constructor(level: Level<Buffer, Buffer>) {
    this.#level = level;
  }

  /** Opens or makes the store in `directory`. */
  static async open(directory: string): Promise<LevelKv> {
    const level = new Level<Buffer, Buffer>(directory, { keyEncoding: "buffer", valueEncoding: "buffer" });
    try {
      await level.open();
    } catch (error) {
      throw new Error(`can't open the store in ${directory}`, { cause: error });
    }
    return new LevelKv(level);
  }

  batch(writes: readonly KvWrite[], options: { sync: boolean }): Promise<void> {
    if (this.#failed) return Promise.reject(this.#failed);
    return new Promise((done, failed) => {
      this.#waiting.push({ writes, sync: options.sync, done, failed });
      this.#running ??= this.#run();
    });
  }

  get(key: Buffer): Buffer | undefined {
    return this.#level.getSync(key);
  }

  async *range(range: KvRange): AsyncIterable<readonly [key: Buffer, value: Buffer]> {
    const { from: gte, below: lt, reverse = false, limit = -1 } = range;
    const iterator = this.#level.iterator({ gte, lt, reverse, limit, highWaterMarkBytes: bytesAtOnce });
    try {
      for (let rows = await iterator.nextv(rowsAtOnce); rows.length > 0; rows = await iterator.nextv(rowsAtOnce))
        yield* rows;
    } finally {
      await iterator.close();
    }
  }

  /** Lets LevelDB decode every block of a range, in its own thread. Throws when it can't. */
  async check({ from: gte, below: lt }: KvRange): Promise<void> {
    const iterator = this.#level.iterator({ gte, lt, keys: false, values: false });
    try {
      await iterator.nextv(rowsAtOnce);
    } finally {
      await iterator.close();
    }
  }

  /** Ends after the batches that were given before. */
  async close(): Promise<void> {
    this.#failed ??= new Error("the store is closed");
    await this.#running;
    await this.#level.close();
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      const operations: Batch[] = [];
      for (const { writes } of group)
        for (const write of writes)
          operations.push(
            write.is === "put" ? { type: "put", key: write.key, value: write.value } : { type: "del", key: write.key },
          );
      try {
        await this.#level.batch(operations, { sync: group.some((waiting) => waiting.sync) });
        for (const waiting of group) waiting.done();
      } catch (cause) {
        this.#failed = new Error("writing to the store failed", { cause });
        for (const waiting of [...group, ...this.#waiting.splice(0)]) waiting.failed(this.#failed);
      }
    }
    this.#running = null;
  }
}
