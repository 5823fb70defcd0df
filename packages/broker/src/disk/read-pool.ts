/** Buffers of these sizes, doubling; larger ones are made for one use. */
const CLASS_BYTES_MIN = 4096;
const CLASS_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Read buffers that are used again. Fresh ones would cost a full garbage collection per 64 MB read, however small the heap is.
 */
export class ReadPool {
  readonly #free = new Map<number, Buffer[]>();
  readonly #bytesMax: number;
  #bytes = 0;

  /** Keeps at most `bytesMax` bytes that nobody uses. */
  constructor(bytesMax = CLASS_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes kept for the next `take`. */
  get idleBytes(): number {
    return this.#bytes;
  }

  /** A buffer of at least `bytes` bytes with anything in it. Give it back with `give`, whole. */
  take(bytes: number): Buffer {
    const size = classOf(bytes);
    const buffer = this.#free.get(size)?.pop();
    if (buffer === undefined) return Buffer.allocUnsafeSlow(size);
    this.#bytes -= size;
    return buffer;
  }

  /** The buffer's bytes are not needed any more. */
  give(buffer: Buffer): void {
    const size = buffer.length;
    if (size > CLASS_BYTES_MAX || this.#bytes + size > this.#bytesMax) return;
    const free = this.#free.get(size);
    if (free === undefined) this.#free.set(size, [buffer]);
    else free.push(buffer);
    this.#bytes += size;
  }
}

function classOf(bytes: number): number {
  if (bytes > CLASS_BYTES_MAX) return bytes;
  return bytes <= CLASS_BYTES_MIN ? CLASS_BYTES_MIN : 2 ** (32 - Math.clz32(bytes - 1));
}
