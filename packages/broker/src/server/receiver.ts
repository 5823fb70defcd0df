import { assert, type Sink } from "@odradek/kit";
import { FRAME_PREFIX_BYTES, frameBytes } from "@odradek/protocol";
import { serverLimits } from "./limits.ts";
import type { Slab, Slabs } from "./slabs.ts";

const { slabBytesSmall, slabBytesMedium, slabBytesLarge } = serverLimits;

/** The body of one request where it landed. `release` when nobody needs its bytes any more. */
export type Frame = { readonly buffer: Buffer; readonly start: number; readonly end: number; release(): void };

/**
 * Receives one connection's bytes into slabs and cuts them into frames that stand contiguous in place. Memory follows the bytes
 * received, never a declared length (RELIABILITY N-02): slabs grow with the connection's speed, and a frame larger than a slab
 * gets a buffer of its own that doubles as bytes arrive.
 *
 *   slab:  | frames handed out … | start: frame under way … | filled: room … |
 */
export class Receiver implements Sink {
  readonly #slabs: Slabs;
  readonly #frameBytesMax: number;
  #slab: Slab;
  /** Invariant: 0 <= start <= filled <= slab length. */
  #start = 0;
  #filled = 0;
  /** Size of the frame under way with its prefix; the prefix alone while that is not whole. */
  #wanted = FRAME_PREFIX_BYTES;
  /** The slab size that suits the connection's speed now. */
  #appetite: number = slabBytesSmall;
  #smallReads = 0;
  #roomBytes = 0;

  constructor(slabs: Slabs, frameBytesMax: number) {
    this.#slabs = slabs;
    this.#frameBytesMax = frameBytesMax;
    this.#slab = slabs.take(slabBytesSmall);
  }

  /** Bytes received and not yet handed out as a frame. */
  get pendingBytes(): number {
    return this.#filled - this.#start;
  }

  room(): Buffer {
    if (this.#mustRoll()) this.#roll();
    this.#roomBytes = this.#slab.buffer.length - this.#filled;
    assert(this.#roomBytes > 0, "there is always room");
    return this.#slab.buffer.subarray(this.#filled);
  }

  filled(bytes: number): void {
    assert(bytes <= this.#roomBytes, "no more is filled than was offered");
    this.#filled += bytes;
    this.#adapt(bytes);
  }

  /** The next whole frame, or null. Throws ProtocolError on an illegal declared size. */
  next(): Frame | null {
    const size = frameBytes(this.#slab.buffer, this.#start, this.#filled, this.#frameBytesMax);
    this.#wanted = FRAME_PREFIX_BYTES + Math.max(0, size);
    if (size < 0 || this.pendingBytes < this.#wanted) return null;
    const slab = this.#slab;
    const start = this.#start + FRAME_PREFIX_BYTES;
    this.#start = start + size;
    this.#wanted = FRAME_PREFIX_BYTES;
    slab.hold();
    return { buffer: slab.buffer, start, end: start + size, release: () => slab.release() };
  }

  close(): void {
    this.#slab.release();
  }

  #mustRoll(): boolean {
    const capacity = this.#slab.buffer.length;
    if (this.pendingBytes === 0) {
      if (this.#slab.isSole) this.#start = this.#filled = 0;
      return capacity !== this.#appetite ? this.#slab.isSole || this.#isAlmostFull() : this.#isAlmostFull();
    }
    // A frame that fits stays; one that does not moves at once, before more of it must be copied. A full slab is left in any case:
    // the socket asks for room once more after it was told to pause, while whole frames wait to be taken.
    const fits = this.#start + this.#wanted <= capacity;
    return this.#filled === capacity || (!fits && this.#start > 0);
  }

  #isAlmostFull(): boolean {
    const capacity = this.#slab.buffer.length;
    return capacity - this.#filled < capacity >> 6;
  }

  /** Moves what has arrived of the frame under way to the beginning of a new slab. */
  #roll(): void {
    const pending = this.pendingBytes;
    const old = this.#slab;
    this.#slab = this.#takeFor(pending);
    old.buffer.copy(this.#slab.buffer, 0, this.#start, this.#filled);
    old.release();
    this.#start = 0;
    this.#filled = pending;
  }

  #takeFor(pending: number): Slab {
    const grown = this.#wanted <= this.#appetite ? this.#appetite : Math.max(2 * pending, this.#appetite);
    const slab = grown <= slabBytesLarge ? this.#slabs.take(grown) : null;
    if (slab !== null && slab.buffer.length > pending) return slab;
    slab?.release();
    const bytes = Math.max(grown, pending + slabBytesMedium);
    return this.#slabs.takeOwn(this.#wanted > pending ? Math.min(this.#wanted, bytes) : bytes);
  }

  /** A read that fills its room asks for larger ones; many small reads in a row give the large slab back. */
  #adapt(bytes: number): void {
    const capacity = this.#slab.buffer.length;
    if (bytes === this.#roomBytes && bytes >= capacity >> 2) {
      this.#appetite = capacity < slabBytesMedium ? slabBytesMedium : slabBytesLarge;
      this.#smallReads = 0;
    } else if (bytes >= this.#appetite >> 4) this.#smallReads = 0;
    else if (++this.#smallReads === serverLimits.smallReadsBeforeShrink) {
      this.#appetite = this.#appetite > slabBytesMedium ? slabBytesMedium : slabBytesSmall;
      this.#smallReads = 0;
    }
  }
}
