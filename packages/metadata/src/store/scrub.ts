import { type Cancel, type Clock, delay, type Kv, type Logger } from "@odradek/kit";
import type { ScrubLimits } from "../config.ts";
import { beginning, type Position } from "./entry.ts";
import { applied } from "./keys/applied.ts";
import { logBase } from "./keys/log-base.ts";
import { logRange, readLogRecord } from "./keys/log-record.ts";
import { sealedRange, unseal } from "./keys/sealed.ts";
import { StateDigest, stateRange } from "./state-digest.ts";

/** Read at once, before the next pause. */
const pieceBytes = 64 * 1024;

/** The rows of a store have changed, though nobody has written them. */
export class RotError extends Error {
  override readonly name = "RotError";
}

export type ScrubParts = {
  kv: Kv;
  /** Calls `look` between two writes. */
  still: <Seen>(look: (last: Position) => Seen) => Promise<Seen>;
  clock: Clock;
  logger: Logger;
  limits: ScrubLimits;
  /** After every pass that found some, as long as nobody ends it. */
  onRot: (error: RotError) => void;
};

type Rows = AsyncIterable<readonly [key: Buffer, value: Buffer]>;
/** All of one moment. */
type Picture = { state: Rows; log: Rows; sealed: Rows; digest: Buffer | null; base: Position; last: Position };

/**
 * Reads everything a store keeps, again and again and slowly, and checks it against its CRCs, its chain of hashes and its digest: what nobody
 * reads would else rot until the others that have it are gone (RELIABILITY L-24). What the system has in its cache is not read from the disk.
 */
export class Scrub {
  readonly #parts: ScrubParts;
  #cancel: Cancel = () => {};
  #isClosed = false;

  constructor(parts: ScrubParts) {
    this.#parts = parts;
    this.#schedule();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel();
  }

  #schedule(): void {
    const { clock, limits } = this.#parts;
    this.#cancel = clock.timer(limits.pauseMs, () => void this.#run());
  }

  async #run(): Promise<void> {
    const { logger, onRot, clock } = this.#parts;
    const startMs = clock.now();
    try {
      const rot = await this.pass();
      if (this.#isClosed) return;
      if (rot !== null) onRot(new RotError(rot));
      else
        logger.info(
          { evt: "SCRUBBED", ms: Math.round(clock.now() - startMs) },
          "everything in the store is as it was written",
        );
    } catch (error) {
      if (this.#isClosed) return;
      // A block that can't be decoded is damage, too; whoever opens the store again finds out.
      onRot(new RotError("the store can't be read", { cause: error }));
    }
    if (!this.#isClosed) this.#schedule();
  }

  /** Once through everything. What is wrong, or null. */
  async pass(): Promise<string | null> {
    const { still, kv } = this.#parts;
    const picture = await still((last) => pictureOf(kv, last));
    return (await this.#state(picture)) ?? (await this.#log(picture)) ?? (await this.#sealed(picture));
  }

  async #state({ state, digest: expected }: Picture): Promise<string | null> {
    const digest = new StateDigest();
    for await (const [key, value] of this.#slowly(state)) digest.add(key, value);
    const isRight = this.#isClosed || (expected !== null && digest.bytes.equals(expected));
    return isRight ? null : "the rows of the tree do not have the digest that was written with them";
  }

  async #log({ log, base, last }: Picture): Promise<string | null> {
    let previous = base;
    for await (const [key, value] of this.#slowly(log)) {
      const entry = readLogRecord(key, value, previous);
      if (!entry) return `the record after entry ${previous.index} is damaged`;
      previous = entry;
    }
    return this.#isClosed || previous.hash.equals(last.hash) ? null : `entries after ${previous.index} are missing`;
  }

  async #sealed({ sealed }: Picture): Promise<string | null> {
    for await (const [key, value] of this.#slowly(sealed))
      if (unseal(key, value) === null) return `the row ${key.toString("hex")} is damaged`;
    return null;
  }

  /** At the rate that was set, with a pause after every piece; ends when it is time to stop. */
  async *#slowly(rows: Rows): Rows {
    const { clock, limits } = this.#parts;
    let bytes = 0;
    for await (const row of rows) {
      if (this.#isClosed) return;
      yield row;
      bytes += row[0].length + row[1].length;
      if (bytes < pieceBytes) continue;
      await delay(clock, (bytes / limits.bytesPerSecond) * 1000);
      bytes = 0;
    }
  }
}

function pictureOf(kv: Kv, last: Position): Picture {
  const row = applied.read(kv);
  const base = logBase.read(kv);
  return {
    state: begun(kv.range(stateRange)),
    log: begun(kv.range(logRange)),
    sealed: begun(kv.range(sealedRange)),
    digest: row.is === "damaged" ? null : row.is === "value" ? row.value.digest : new StateDigest().bytes,
    base: base.is === "value" ? base.value : beginning,
    last,
  };
}

/** A range is of the moment when its first row is asked for: so that happens now. */
function begun(rows: Rows): Rows {
  const iterator = rows[Symbol.asyncIterator]();
  const first = iterator.next();
  first.catch(() => {}); // whoever reads it learns of it
  return rest(first, iterator);
}

async function* rest<Row>(first: Promise<IteratorResult<Row>>, iterator: AsyncIterator<Row>): AsyncGenerator<Row> {
  try {
    for (let next = await first; next.done !== true; next = await iterator.next()) yield next.value;
  } finally {
    await iterator.return?.();
  }
}
