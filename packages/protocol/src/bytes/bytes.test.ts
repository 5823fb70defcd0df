import fc from "fast-check";
import { test } from "vitest";
import { crc32c, crc32cPortable } from "./crc32c.ts";
import { ProtocolError } from "./protocol-error.ts";
import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

const trip = <T>(write: (w: Writer) => void, read: (r: Reader) => T): T => {
  const w = new Writer(16);
  write(w);
  const r = new Reader(w.concat());
  const value = read(r);
  if (r.remaining > 0) throw new Error(`${r.remaining} bytes left over`);
  return value;
};

test("numbers survive the round trip", ({ expect }) => {
  const same = (value: number, write: (w: Writer) => void, read: (r: Reader) => number): void => {
    expect(trip(write, read)).toBe(value);
  };
  fc.assert(
    fc.property(fc.integer({ min: -0x8000, max: 0x7fff }), (n) =>
      same(
        n,
        (w) => w.int16(n),
        (r) => r.int16(),
      ),
    ),
  );
  fc.assert(
    fc.property(fc.integer(), (n) =>
      same(
        n,
        (w) => w.int32(n),
        (r) => r.int32(),
      ),
    ),
  );
  fc.assert(
    fc.property(fc.maxSafeInteger(), (n) =>
      same(
        n,
        (w) => w.int64(n),
        (r) => r.int64(),
      ),
    ),
  );
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), (n) =>
      same(
        n,
        (w) => w.uvarint(n),
        (r) => r.uvarint(),
      ),
    ),
  );
  fc.assert(
    fc.property(fc.integer(), (n) =>
      same(
        n,
        (w) => w.varint(n),
        (r) => r.varint(),
      ),
    ),
  );
  fc.assert(
    fc.property(fc.maxSafeInteger(), (n) =>
      same(
        n,
        (w) => w.varlong(n),
        (r) => r.varlong(),
      ),
    ),
  );
});

test("varlongs are written as the 64-bit zigzag form", ({ expect }) => {
  const reference = (value: number): string => {
    let rest = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
    const out: number[] = [];
    for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
    return Buffer.from([...out, Number(rest)]).toString("hex");
  };
  fc.assert(
    fc.property(fc.maxSafeInteger(), (n) => {
      const w = new Writer();
      w.varlong(n);
      expect(w.concat().toString("hex")).toBe(reference(n));
    }),
  );
});

test("N-18: int64 at its boundaries", ({ expect }) => {
  const at = (hex: string): Reader => new Reader(Buffer.from(hex, "hex"));
  expect(at("001fffffffffffff").int64()).toBe(Number.MAX_SAFE_INTEGER);
  expect(() => at("0020000000000000").int64()).toThrow(ProtocolError);
  expect(() => at("7fffffffffffffff").int64()).toThrow(ProtocolError);
  expect(at("ffffffffffffffff").int64()).toBe(-1);
  expect(at("7fffffffffffffff").int64Unbounded()).toBe(Infinity);
  expect(at("7fffffffffffffff").long64()).toBe(2n ** 63n - 1n);
  const w = new Writer();
  w.int64(Infinity);
  w.int64(-Infinity);
  expect(w.concat().toString("hex")).toBe("7fffffffffffffff8000000000000000");
  expect(() => w.int64(2 ** 53)).toThrow(RangeError);
  expect(() => w.int64(0.5)).toThrow(RangeError);
});

test("N-03: overlong varints and reads past the end are ProtocolErrors", ({ expect }) => {
  const at = (hex: string): Reader => new Reader(Buffer.from(hex, "hex"));
  expect(() => at("ffffffff1f").uvarint()).toThrow(ProtocolError);
  expect(() => at("8080808080808080808001").varlong()).toThrow(ProtocolError);
  expect(() => at("80").uvarint()).toThrow(ProtocolError);
  expect(() => at("000000").int32()).toThrow(ProtocolError);
  expect(() => at("00").slice(2)).toThrow(ProtocolError);
  expect(() => at("00").slice(-1)).toThrow(ProtocolError);
  expect(() => at("0000").count(1, 3)).toThrow(ProtocolError);
  expect(() => new Reader(Buffer.alloc(8), 0, 2).int32()).toThrow(ProtocolError);
});

test("large buffers are embedded, not copied, and keep their place", ({ expect }) => {
  const large = Buffer.alloc(100_000, 7);
  const w = new Writer();
  w.int32(1);
  w.bytes(large);
  w.int32(2);
  expect(w.size).toBe(100_008);
  const parts = w.finish();
  expect(parts.some((part) => part.buffer === large.buffer && part.length === large.length)).toBe(true);
  expect(Buffer.concat(parts)).toEqual(Buffer.concat([Buffer.from([0, 0, 0, 1]), large, Buffer.from([0, 0, 0, 2])]));
});

test("what finish() handed over is not written into again", ({ expect }) => {
  const w = new Writer(64);
  w.int32(1);
  const first = w.finish();
  w.int32(2);
  expect(Buffer.concat(first).toString("hex")).toBe("00000001");
  expect(w.concat().toString("hex")).toBe("00000002");
});

test("CRC-32C: the known value, and both ways agree in pieces and whole", ({ expect }) => {
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe306_9283);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1000 }), fc.nat(1000), (bytes, at) => {
      const whole = crc32cPortable(bytes);
      expect(crc32c(bytes)).toBe(whole);
      expect(crc32c(bytes.subarray(at), crc32c(bytes.subarray(0, at)))).toBe(whole);
    }),
  );
});
