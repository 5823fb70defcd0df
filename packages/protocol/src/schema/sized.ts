import { ProtocolError } from "../bytes/protocol-error.ts";
import type { Reader } from "../bytes/reader.ts";
import type { Writer } from "../bytes/writer.ts";
import type { Codec, Type, Version } from "./type.ts";

// Strings, bytes, records and arrays are one idea: a length, then that many things. A negative length means null
// (Kafka reads any negative one so), which is an error where the value is required.

type Length = Codec<number>;
const length16: Length = {
  bytesMin: 2,
  read: (r) => r.int16(),
  write: (w, n) => {
    if (n > 0x7fff) throw new RangeError(`a string of ${n} bytes; the limit is 32767`);
    w.int16(n);
  },
};
const length32: Length = { bytesMin: 4, read: (r) => r.int32(), write: (w, n) => w.int32(n) };
const lengthCompact: Length = { bytesMin: 1, read: (r) => r.uvarint() - 1, write: (w, n) => w.uvarint(n + 1) };

/** What follows the length. `size` is the number the length field holds. */
type Contents<T, D> = {
  readonly elementBytesMin: number;
  size(value: D): number;
  read(reader: Reader, count: number): T;
  write(writer: Writer, value: D, count: number): void;
};

export type Sized<T, D = T> = Type<T, D> & {
  /** May be null in every version. */
  readonly nullable: Type<T | null, D | null>;
  /** May be null from version `first` on; before, null is a ProtocolError to read and a RangeError to write. */
  nullableSince(first: number): Type<T | null, D | null>;
};

export function sized<T, D = T>(classic: Length, contents: (version: Version) => Contents<T, D>): Sized<T, D> {
  const compile = (version: Version): Codec<T, D> =>
    required(version.flexible ? lengthCompact : classic, contents(version));
  const nullableSince = (first: number): Type<T | null, D | null> => ({
    compile: (version) =>
      version.number < first
        ? compile(version)
        : optional(version.flexible ? lengthCompact : classic, contents(version)),
  });
  return { compile, nullableSince, nullable: nullableSince(0) };
}

function required<T, D>(length: Length, contents: Contents<T, D>): Codec<T, D> {
  return {
    bytesMin: length.bytesMin,
    read: (r) => {
      const count = length.read(r);
      if (count < 0) throw new ProtocolError("null where a value is required");
      return contents.read(r, r.count(count, contents.elementBytesMin));
    },
    write: (w, value) => {
      if (value === null) throw new RangeError("null where this version requires a value");
      const count = contents.size(value);
      length.write(w, count);
      contents.write(w, value, count);
    },
  };
}

function optional<T, D>(length: Length, contents: Contents<T, D>): Codec<T | null, D | null> {
  return {
    bytesMin: length.bytesMin,
    read: (r) => {
      const count = length.read(r);
      return count < 0 ? null : contents.read(r, r.count(count, contents.elementBytesMin));
    },
    write: (w, value) => {
      const count = value === null ? -1 : contents.size(value);
      length.write(w, count);
      if (value !== null) contents.write(w, value, count);
    },
  };
}

export const string = sized<string>(length16, () => ({
  elementBytesMin: 1,
  size: (text) => Buffer.byteLength(text),
  read: (r, count) => r.utf8(count),
  write: (w, text, count) => w.utf8(text, count),
}));

/** Reading shares the frame's memory; writing embeds what is large. */
export const bytes = sized<Buffer>(length32, () => ({
  elementBytesMin: 1,
  size: (value) => value.length,
  read: (r, count) => r.slice(count),
  write: (w, value) => w.bytes(value),
}));

/** Record batches back to back, as they stand on disk. A list of Buffers is written as if it were one. */
export const records = sized<Buffer, Buffer | readonly Buffer[]>(length32, () => ({
  elementBytesMin: 1,
  size: (value) => (Buffer.isBuffer(value) ? value.length : value.reduce((sum, part) => sum + part.length, 0)),
  read: (r, count) => r.slice(count),
  write: (w, value) => {
    if (Buffer.isBuffer(value)) w.bytes(value);
    else for (const part of value) w.bytes(part);
  },
}));

export function array<T, D>(element: Type<T, D>): Sized<T[], readonly D[]> {
  return sized<T[], readonly D[]>(length32, (version) => {
    const codec = element.compile(version);
    return {
      elementBytesMin: codec.bytesMin,
      size: (list) => list.length,
      read: (r, count) => {
        r.takeElements(count);
        const list: T[] = [];
        for (let left = count; left > 0; left--) list.push(codec.read(r));
        return list;
      },
      write: (w, list) => {
        for (const one of list) codec.write(w, one);
      },
    };
  });
}
