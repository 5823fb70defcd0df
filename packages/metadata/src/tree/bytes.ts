import { crc32 } from "node:zlib";

/**
 * Bytes as a string, one character each: how small values are kept for long. A Buffer of its own costs several objects beside its bytes; one that
 * shares its memory keeps a whole block of those that went.
 */
export const asBytes = (bytes: Buffer): string => bytes.toString("latin1");

export const fromBytes = (text: string): Buffer => Buffer.from(text, "latin1");

/** How many bytes a Writer makes of an unsigned number. */
export function numberBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}

/** Builds the bytes of commands and stored values: unsigned varints, length-prefixed strings and buffers. */
export class Writer {
  #bytes = Buffer.allocUnsafe(256);
  #end = 0;

  number(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not an unsigned number: ${value}`);
    this.#reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#end++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#end++] = rest;
    return this;
  }

  flag(value: boolean): this {
    return this.number(value ? 1 : 0);
  }

  string(value: string): this {
    const length = Buffer.byteLength(value);
    this.number(length);
    this.#reserve(length);
    this.#end += this.#bytes.write(value, this.#end, length, "utf8");
    return this;
  }

  buffer(value: Buffer): this {
    this.number(value.length);
    this.#reserve(value.length);
    this.#end += value.copy(this.#bytes, this.#end);
    return this;
  }

  /** The bytes written so far. */
  done(): Buffer {
    return this.#bytes.subarray(0, this.#end);
  }

  /** The bytes with a CRC-32 behind them, as every stored value has it: LevelDB alone returns altered values (RELIABILITY finding 1). */
  sealed(): Buffer {
    const crc = crc32(this.done());
    this.#reserve(4);
    this.#end = this.#bytes.writeUInt32BE(crc, this.#end);
    return this.done();
  }

  #reserve(count: number): void {
    if (this.#end + count <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#end + count));
    this.#bytes.copy(larger, 0, 0, this.#end);
    this.#bytes = larger;
  }
}

/** Reads what a Writer wrote. Throws an Error on bytes that end too early. */
export class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Opens a sealed value; throws when its CRC does not match. `what` names it in the message. */
  static sealed(value: Buffer, what: string): Reader {
    if (value.length < 4) throw new Error(`${what} is cut short: ${value.length} bytes`);
    const payload = value.subarray(0, value.length - 4);
    if (crc32(payload) !== value.readUInt32BE(payload.length))
      throw new Error(`${what} is damaged: CRC does not match`);
    return new Reader(payload);
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  number(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new Error("a number is cut short");
      value += (byte & 0x7f) * scale;
      if (!Number.isSafeInteger(value)) throw new Error("a number is too large");
      if (byte < 0x80) return value;
    }
  }

  flag(): boolean {
    return this.number() !== 0;
  }

  string(): string {
    return this.#take().toString("utf8");
  }

  /** A part of what is read: whoever keeps it for long copies it, or a small value keeps a large message alive. */
  buffer(): Buffer {
    return this.#take();
  }

  /** As many elements as a number says that stands before them; each takes a byte at least (RELIABILITY N-03). */
  list<Element>(read: () => Element): Element[] {
    const count = this.number();
    const left = this.#bytes.length - this.#at;
    if (count > left) throw new Error(`${count} elements are declared, ${left} bytes are left`);
    return Array.from({ length: count }, read);
  }

  #take(): Buffer {
    const length = this.number();
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new Error(`a field of ${length} bytes is cut short`);
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}
