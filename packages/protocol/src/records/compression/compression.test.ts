import { readFileSync } from "node:fs";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { compressSync } from "snappy";
import { describe, test } from "vitest";
import { ProtocolError } from "../../bytes/protocol-error.ts";
import { Compression, type CompressionName } from "./codec.ts";
import { compress, decompress } from "./compression.ts";
import { xxh32 } from "./xxh32.ts";

// Packed once by the command named, from 5000 lines of the text below.
type Golden = { [command: string]: { readonly codec: CompressionName; readonly base64: string } };
const golden = JSON.parse(readFileSync(new URL("../../testdata/compressed.json", import.meta.url), "utf8")) as Golden;
const line = (i: number): string => `line ${i % 23} of ${(i * i) % 7} ever the same thread\n`;
const text = Buffer.from(Array.from({ length: 5000 }, (_, i) => line(i)).join(""));

const names = ["gzip", "snappy", "lz4", "zstd"] as const;

test.for(Object.entries(golden))("what `%s` packed unpacks to the same", ([, { codec, base64 }], { expect }) => {
  expect(decompress(Compression[codec], Buffer.from(base64, "base64"), 1_000_000).equals(text)).toBe(true);
});

test("xxh32 gives the reference's values", ({ expect }) => {
  expect(xxh32(Buffer.alloc(0))).toBe(0x02cc5d05);
  expect(xxh32(Buffer.from("a"))).toBe(0x550d7456);
  expect(xxh32(Buffer.from("abc"))).toBe(0x32d153ff);
  expect(xxh32(Buffer.from("Nobody inspects the spammish repetition"))).toBe(0xe2293b2f);
});

describe.for(names)("%s", (name) => {
  const codec = Compression[name];

  test("anything packed unpacks to the same", ({ expect }) => {
    const pieces = fc.array(
      fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.constant(Buffer.alloc(5000, "ab")), fc.constant(text)),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(pieces, (parts) => {
        const bytes = Buffer.concat(parts);
        expect(decompress(codec, compress(codec, bytes), bytes.length).equals(bytes)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test("N-05: a bomb is refused at the limit", ({ expect }) => {
    const bomb = compress(codec, Buffer.alloc(20_000_000));
    expect(bomb.length).toBeLessThan(2_000_000);
    expect(() => decompress(codec, bomb, 1_000_000)).toThrow(ProtocolError);
  });

  test("cut off anywhere it is a ProtocolError or a prefix of the content", ({ expect }) => {
    const content = text.subarray(0, 3000);
    const packed = compress(codec, content);
    for (let size = 0; size < packed.length; size++) {
      const outcome = attempt(() => decompress(codec, packed.subarray(0, size), 100_000));
      if (outcome instanceof Error) expect(outcome).toBeInstanceOf(ProtocolError);
      else expect(content.subarray(0, outcome.length).equals(outcome)).toBe(true);
    }
  });

  test("damaged bytes give a ProtocolError or no more than the limit", ({ expect }) => {
    const packed = compress(codec, text);
    const place = fc.tuple(fc.nat(packed.length - 1), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(fc.array(place, { minLength: 1, maxLength: 5 }), (damage) => {
        const bytes = Buffer.from(packed);
        for (const [at, bits] of damage) bytes[at]! ^= bits;
        const outcome = attempt(() => decompress(codec, bytes, 300_000));
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(ProtocolError);
        else expect(outcome.length).toBeLessThanOrEqual(300_000);
      }),
      { numRuns: 300 },
    );
  });

  test("random bytes are a ProtocolError or unpack within the limit", ({ expect }) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (random) => {
        const outcome = attempt(() => decompress(codec, Buffer.from(random), 10_000));
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(ProtocolError);
        else expect(outcome.length).toBeLessThanOrEqual(10_000);
      }),
    );
  });
});

test("a plain snappy block, as librdkafka writes it, unpacks", ({ expect }) => {
  expect(decompress(Compression.snappy, compressSync(text), text.length).equals(text)).toBe(true);
});

test("N-05: a snappy block that declares 4 GiB is refused before anything is allocated", ({ expect }) => {
  expect(() => decompress(Compression.snappy, Buffer.from("ffffffff0f00", "hex"), 1_000_000)).toThrow(/4294967295/);
});

test("gzip of several members and zstd with a checksum unpack", ({ expect }) => {
  expect(decompress(1, Buffer.concat([gzipSync("ab"), gzipSync("cd")]), 10).toString()).toBe("abcd");
  const packed = zstdCompressSync(text, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
  expect(decompress(4, packed, text.length).equals(text)).toBe(true);
});

function attempt(unpack: () => Buffer): Buffer | Error {
  try {
    return unpack();
  } catch (error) {
    return error as Error;
  }
}
