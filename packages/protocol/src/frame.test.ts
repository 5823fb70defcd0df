import fc from "fast-check";
import { test } from "vitest";
import { ProtocolError } from "./bytes/protocol-error.ts";
import { frame, Framer, nextFrame } from "./frame.ts";

const body = fc.uint8Array({ minLength: 1, maxLength: 50 }).map((bytes) => Buffer.from(bytes));

test("frames come out whole whatever the chunks", ({ expect }) => {
  fc.assert(
    fc.property(
      fc.array(body, { maxLength: 10 }),
      fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }),
      (bodies, sizes) => {
        const stream = Buffer.concat(bodies.flatMap((one) => frame([one])));
        const framer = new Framer();
        const out: Buffer[] = [];
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const size = sizes[turn % sizes.length]!;
          out.push(...framer.push(stream.subarray(at, at + size)));
          at += size;
        }
        expect(out.map((one) => one.toString("hex"))).toEqual(bodies.map((one) => one.toString("hex")));
        expect(framer.pendingBytes).toBe(0);
      },
    ),
  );
});

test.for(["00000000", "ffffffff", "80000000", "7fffffff", "06400001", "47455420"])(
  "N-01: a length of %s is refused",
  (prefix, { expect }) => {
    expect(() => new Framer().push(Buffer.from(prefix, "hex"))).toThrow(ProtocolError);
    expect(() => nextFrame(Buffer.from(prefix, "hex"), 0, 4)).toThrow(ProtocolError);
  },
);

test("N-02: 100 MiB declared cost nothing but the bytes received", ({ expect }) => {
  const before = process.memoryUsage().arrayBuffers;
  const framers = Array.from({ length: 1000 }, () => new Framer());
  for (const framer of framers) framer.push(Buffer.from("06400000", "hex"));
  expect(framers.reduce((sum, framer) => sum + framer.pendingBytes, 0)).toBe(4000);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
});

test("frames are found in place in a contiguous buffer", ({ expect }) => {
  const bytes = Buffer.concat([Buffer.from("junk"), ...frame([Buffer.from("ab")]), ...frame([Buffer.from("cde")])]);
  expect(nextFrame(bytes, 4, bytes.length)?.toString()).toBe("ab");
  expect(nextFrame(bytes, 10, bytes.length)?.toString()).toBe("cde");
  expect(nextFrame(bytes, 10, bytes.length - 1)).toBeNull();
  expect(nextFrame(bytes, 10, 13)).toBeNull();
});
