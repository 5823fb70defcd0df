import { ProtocolError } from "./bytes/protocol-error.ts";

/** Kafka's `socket.request.max.bytes`. */
export const FRAME_BYTES_MAX = 104_857_600;
export const FRAME_PREFIX_BYTES = 4;

/**
 * The declared size of the frame that begins at `start`, without its 4-byte prefix; -1 when the prefix is not whole yet.
 * Throws ProtocolError when the size is below 1 or above `bytesMax` (RELIABILITY N-01).
 */
export function frameBytes(buffer: Buffer, start: number, end: number, bytesMax: number = FRAME_BYTES_MAX): number {
  if (end - start < FRAME_PREFIX_BYTES) return -1;
  const size = buffer.readInt32BE(start);
  if (size < 1 || size > bytesMax) throw new ProtocolError(`a frame of ${size} bytes; the limit is ${bytesMax}`);
  return size;
}

/**
 * The body of the frame that begins at `start`, sharing the buffer's memory, or null when the bytes before `end` do not hold all of it.
 * The next frame begins FRAME_PREFIX_BYTES + body.length later.
 */
export function nextFrame(
  buffer: Buffer,
  start: number,
  end: number,
  bytesMax: number = FRAME_BYTES_MAX,
): Buffer | null {
  const size = frameBytes(buffer, start, end, bytesMax);
  if (size < 0 || end - start < FRAME_PREFIX_BYTES + size) return null;
  return buffer.subarray(start + FRAME_PREFIX_BYTES, start + FRAME_PREFIX_BYTES + size);
}

/**
 * Cuts a byte stream into frames, whatever its chunks. It holds the chunks it was given and joins them once a frame is whole:
 * a declared length alone costs nothing (RELIABILITY N-02).
 */
export class Framer {
  readonly #bytesMax: number;
  #chunks: Buffer[] = [];
  #size = 0;
  /** Size of the frame under way with its prefix; -1 while the prefix is not whole. */
  #wanted = -1;

  constructor(bytesMax: number = FRAME_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes held of a frame that is not whole yet. */
  get pendingBytes(): number {
    return this.#size;
  }

  /** Takes a chunk and returns the bodies of the frames it completes. Throws ProtocolError on an illegal length. */
  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    const frames: Buffer[] = [];
    while (this.#isWhole()) {
      const joined = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
      frames.push(joined.subarray(FRAME_PREFIX_BYTES, this.#wanted));
      const rest = joined.subarray(this.#wanted);
      this.#chunks = rest.length === 0 ? [] : [rest];
      this.#size = rest.length;
      this.#wanted = -1;
    }
    return frames;
  }

  #isWhole(): boolean {
    if (this.#wanted < 0) {
      if (this.#size < FRAME_PREFIX_BYTES) return false;
      if (this.#chunks[0]!.length < FRAME_PREFIX_BYTES) this.#chunks = [Buffer.concat(this.#chunks)];
      this.#wanted = FRAME_PREFIX_BYTES + frameBytes(this.#chunks[0]!, 0, this.#size, this.#bytesMax);
    }
    return this.#size >= this.#wanted;
  }
}

/** Puts the 4-byte prefix before the parts of one message. */
export function frame(parts: readonly Buffer[]): Buffer[] {
  const prefix = Buffer.allocUnsafe(FRAME_PREFIX_BYTES);
  prefix.writeInt32BE(parts.reduce((sum, part) => sum + part.length, 0));
  return [prefix, ...parts];
}
