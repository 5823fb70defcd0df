import { ProtocolError } from "./protocol-error.ts";

const TWO_32 = 4_294_967_296;
const HIGH_MAX = 0x1f_ffff; // the high half of 2^53 - 1

/**
 * Reads big-endian Kafka types from a Buffer. Every read is checked against the bytes that are there: malformed input
 * throws ProtocolError and nothing is allocated on a promise (RELIABILITY N-02, N-03). Slices share the buffer's memory.
 */
export class Reader {
  readonly buffer: Buffer;
  /** Position of the next byte. Invariant: offset <= end <= buffer.length. */
  offset: number;
  /** Position after the last byte that may be read. */
  end: number;
  /** List elements that may still be read: a few bytes become an object of a hundred, so a frame's size alone does not bound memory. */
  elementsLeft: number = Number.MAX_SAFE_INTEGER;

  constructor(buffer: Buffer, start = 0, end: number = buffer.length) {
    if (start < 0 || end < start || end > buffer.length)
      throw new RangeError(`no bytes ${start}..${end} in a buffer of ${buffer.length}`);
    this.buffer = buffer;
    this.offset = start;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  #take(size: number): number {
    const at = this.offset;
    if (size > this.end - at) throw new ProtocolError(`${size} bytes expected, ${this.end - at} left`);
    this.offset = at + size;
    return at;
  }

  int8(): number {
    return (this.buffer[this.#take(1)]! << 24) >> 24;
  }

  bool(): boolean {
    return this.buffer[this.#take(1)] !== 0;
  }

  int16(): number {
    const at = this.#take(2);
    return (((this.buffer[at]! << 8) | this.buffer[at + 1]!) << 16) >> 16;
  }

  uint16(): number {
    const at = this.#take(2);
    return (this.buffer[at]! << 8) | this.buffer[at + 1]!;
  }

  int32(): number {
    const at = this.#take(4);
    const bytes = this.buffer;
    return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  }

  uint32(): number {
    return this.int32() >>> 0;
  }

  /** An int64 that must be a safe integer: offsets, ids, sizes. Throws ProtocolError beyond 2^53 (RELIABILITY N-18). */
  int64(): number {
    const high = this.int32();
    const low = this.uint32();
    if (high > HIGH_MAX || high < -HIGH_MAX - 1) throw new ProtocolError("an int64 beyond 2^53");
    return high * TWO_32 + low;
  }

  /** An int64 in which 2^63 - 1 legally means "no bound": values beyond 2^53 read as plus or minus Infinity. */
  int64Unbounded(): number {
    const high = this.int32();
    const low = this.uint32();
    if (high > HIGH_MAX) return Infinity;
    return high < -HIGH_MAX - 1 ? -Infinity : high * TWO_32 + low;
  }

  /** An int64 kept exactly. */
  long64(): bigint {
    return this.buffer.readBigInt64BE(this.#take(8));
  }

  float64(): number {
    return this.buffer.readDoubleBE(this.#take(8));
  }

  /** Unsigned varint of at most 32 bits; an overlong one throws. */
  uvarint(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.buffer[this.#take(1)]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    const last = this.buffer[this.#take(1)]!;
    if (last > 0x0f) throw new ProtocolError("a varint of more than 32 bits");
    return (value | (last << 28)) >>> 0;
  }

  /** Zigzag varint of 32 bits. */
  varint(): number {
    const value = this.uvarint();
    return (value >>> 1) ^ -(value & 1);
  }

  /** Zigzag varint of 64 bits. Throws ProtocolError beyond 2^53. */
  varlong(): number {
    let low = 0; // bits 0..27
    let middle = 0; // bits 28..55
    let high = 0; // bits 56..63
    let shift = 0;
    for (; ; shift += 7) {
      const byte = this.buffer[this.#take(1)]!;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift < 56) middle |= bits << (shift - 28);
      else high |= bits << (shift - 56);
      if (byte < 0x80) break;
      if (shift === 63) throw new ProtocolError("a varint of more than 64 bits");
    }
    const magnitude = (low >>> 1) + middle * 2 ** 27 + high * 2 ** 55;
    if (!Number.isSafeInteger(magnitude)) throw new ProtocolError("a varint beyond 2^53");
    return (low & 1) === 0 ? magnitude : -magnitude - 1;
  }

  /** 16 bytes in Kafka's text form: base64url without padding, 22 characters. */
  uuid(): string {
    const at = this.#take(16);
    return this.buffer.toString("base64url", at, at + 16);
  }

  /** `size` bytes, sharing the buffer's memory. */
  slice(size: number): Buffer {
    const at = this.#take(this.count(size, 1));
    return this.buffer.subarray(at, at + size);
  }

  /** `size` bytes as UTF-8 text; invalid sequences become U+FFFD. */
  utf8(size: number): string {
    const at = this.#take(this.count(size, 1));
    return this.buffer.toString("utf8", at, at + size);
  }

  skip(size: number): void {
    this.#take(this.count(size, 1));
  }

  /** `count` elements of a list are about to be read. */
  takeElements(count: number): void {
    this.elementsLeft -= count;
    if (this.elementsLeft < 0) throw new ProtocolError("more list elements than a message may have");
  }

  /** Checks that `count` elements of at least `bytesMin` bytes can be in the bytes left, and returns `count`. */
  count(count: number, bytesMin: number): number {
    if (count < 0) throw new ProtocolError(`a length of ${count}`);
    if (count * Math.max(1, bytesMin) > this.end - this.offset) {
      throw new ProtocolError(`${count} elements declared, ${this.end - this.offset} bytes left`);
    }
    return count;
  }
}
