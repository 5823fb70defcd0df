const TWO_32 = 4_294_967_296;
const CHUNK_BYTES = 8 * 1024;
/** Below this a copy is cheaper than one more buffer in the writev list. */
const EMBED_BYTES_MIN = 2 * 1024;

/**
 * Writes big-endian Kafka types into a list of Buffers. Large external Buffers are embedded, not copied.
 * `finish()` hands the list over and begins the next one behind it, so a writer can serve many messages.
 */
export class Writer {
  #chunk: Buffer;
  #start = 0;
  #at = 0;
  #parts: Buffer[] = [];
  #sealedBytes = 0;

  constructor(chunkBytes: number = CHUNK_BYTES) {
    this.#chunk = Buffer.allocUnsafeSlow(chunkBytes);
  }

  /** Bytes written since the last `finish()`. */
  get size(): number {
    return this.#sealedBytes + this.#at - this.#start;
  }

  /** The parts written since the last `finish()`, in order. */
  finish(): Buffer[] {
    this.#seal();
    const parts = this.#parts;
    this.#parts = [];
    this.#sealedBytes = 0;
    return parts;
  }

  /** The same as one Buffer. */
  concat(): Buffer {
    const parts = this.finish();
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }

  #seal(): void {
    if (this.#at === this.#start) return;
    this.#parts.push(this.#chunk.subarray(this.#start, this.#at));
    this.#sealedBytes += this.#at - this.#start;
    this.#start = this.#at;
  }

  #room(size: number): number {
    const at = this.#at;
    if (at + size <= this.#chunk.length) {
      this.#at = at + size;
      return at;
    }
    this.#seal();
    this.#chunk = Buffer.allocUnsafeSlow(Math.max(size, CHUNK_BYTES, Math.min(2 * this.#chunk.length, 256 * 1024)));
    this.#start = 0;
    this.#at = size;
    return 0;
  }

  int8(value: number): void {
    const at = this.#room(1);
    this.#chunk[at] = value;
  }

  bool(value: boolean): void {
    this.int8(value ? 1 : 0);
  }

  int16(value: number): void {
    const at = this.#room(2);
    this.#chunk[at] = value >>> 8;
    this.#chunk[at + 1] = value;
  }

  int32(value: number): void {
    const at = this.#room(4);
    const chunk = this.#chunk;
    chunk[at] = value >>> 24;
    chunk[at + 1] = value >>> 16;
    chunk[at + 2] = value >>> 8;
    chunk[at + 3] = value;
  }

  /** Leaves room for an int32 that is known later, such as a length before what it counts; set it before the parts leave. */
  int32Later(): (value: number) => void {
    const at = this.#room(4);
    const chunk = this.#chunk;
    return (value) => chunk.writeInt32BE(value, at);
  }

  /** A safe integer, or plus or minus Infinity for the largest and the smallest int64. */
  int64(value: number): void {
    if (!Number.isSafeInteger(value)) {
      if (value !== Infinity && value !== -Infinity) throw new RangeError(`${value} is no safe integer`);
      this.int32(value > 0 ? 0x7fff_ffff : 0x8000_0000);
      this.int32(value > 0 ? -1 : 0);
      return;
    }
    const high = Math.floor(value / TWO_32);
    this.int32(high);
    this.int32(value - high * TWO_32);
  }

  long64(value: bigint): void {
    const at = this.#room(8);
    this.#chunk.writeBigInt64BE(value, at);
  }

  float64(value: number): void {
    const at = this.#room(8);
    this.#chunk.writeDoubleBE(value, at);
  }

  uvarint(value: number): void {
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.int8((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.int8(rest);
  }

  varint(value: number): void {
    this.uvarint((value << 1) ^ (value >> 31));
  }

  varlong(value: number): void {
    if (value >= -0x4000_0000 && value < 0x4000_0000) return this.varint(value);
    if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is no safe integer`);
    const negative = value < 0;
    const magnitude = negative ? -(value + 1) : value; // zigzag = 2 * magnitude + sign, which may exceed 2^53
    let byte = (magnitude % 64) * 2 + (negative ? 1 : 0);
    let rest = Math.floor(magnitude / 64);
    while (rest > 0) {
      this.int8(byte | 0x80);
      byte = rest % 128;
      rest = Math.floor(rest / 128);
    }
    this.int8(byte);
  }

  /** The 22-character base64url form of 16 bytes. */
  uuid(value: string): void {
    const bytes = Buffer.from(value, "base64url");
    if (bytes.length !== 16) throw new RangeError(`"${value}" is no uuid`);
    this.copy(bytes);
  }

  /** Text whose UTF-8 form is `size` bytes long. */
  utf8(value: string, size: number): void {
    const at = this.#room(size);
    this.#chunk.write(value, at, size, "utf8");
  }

  /** Copies small buffers and embeds large ones: those must stay unchanged until the message has left. */
  bytes(value: Buffer): void {
    if (value.length < EMBED_BYTES_MIN) this.copy(value);
    else this.embed(value);
  }

  copy(value: Uint8Array): void {
    const at = this.#room(value.length);
    this.#chunk.set(value, at);
  }

  embed(value: Buffer): void {
    if (value.length === 0) return;
    this.#seal();
    this.#parts.push(value);
    this.#sealedBytes += value.length;
  }

  /** Appends everything another writer holds, which is finished by that. */
  append(other: Writer): void {
    for (const part of other.finish()) this.bytes(part);
  }
}
