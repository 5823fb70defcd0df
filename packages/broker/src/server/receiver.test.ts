import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { serverLimits } from "./limits.ts";
import { type Frame, Receiver } from "./receiver.ts";
import { Slabs } from "./slabs.ts";

const FRAME_BYTES_MAX = 100 * 1024 * 1024;

function framed(body: Buffer): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeInt32BE(body.length);
  return Buffer.concat([prefix, body]);
}

/** Gives `bytes` to the receiver in reads of at most `readBytesMax`, and takes every frame that gets whole. */
function feed(receiver: Receiver, bytes: Buffer, readBytesMax: number, take: (frame: Frame) => void): void {
  for (let at = 0; at < bytes.length;) {
    const room = receiver.room();
    const count = Math.min(room.length, readBytesMax, bytes.length - at);
    bytes.copy(room, 0, at, at + count);
    at += count;
    receiver.filled(count);
    for (let frame = receiver.next(); frame !== null; frame = receiver.next()) take(frame);
  }
}

function body(size: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  for (let at = 0; at < size; at++) bytes[at] = at * 31 + seed;
  return bytes;
}

const bytesOf = (frame: Frame): Buffer => frame.buffer.subarray(frame.start, frame.end);

describe("Receiver", () => {
  it("gives back every frame, whatever the reads, and keeps held frames untouched", () => {
    const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 200_000 })), {
      minLength: 1,
      maxLength: 30,
    });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 300_000 }), (all, readBytesMax) => {
        const receiver = new Receiver(new Slabs(), FRAME_BYTES_MAX);
        const bodies = all.map((size, index) => body(size, index));
        const frames: Frame[] = [];
        // Small reads of large frames would only be slow.
        const reads = Math.max(readBytesMax, Math.max(...all) >> 8);
        feed(receiver, Buffer.concat(bodies.map(framed)), reads, (frame) => frames.push(frame));
        expect(frames.map((frame) => bytesOf(frame).length)).toEqual(all);
        for (const [index, frame] of frames.entries()) {
          expect(bytesOf(frame).equals(bodies[index]!)).toBe(true);
          frame.release();
        }
      }),
      { numRuns: 60 },
    );
  });

  it("offers room, and loses nothing, while whole frames wait to be taken from a full slab", () => {
    const receiver = new Receiver(new Slabs(), FRAME_BYTES_MAX);
    const bodies = Array.from({ length: 600 }, (_, index) => body(1 + ((index * 37) % 90), index));
    const bytes = Buffer.concat(bodies.map(framed));
    for (let at = 0; at < bytes.length;) {
      const room = receiver.room();
      expect(room.length).toBeGreaterThan(0);
      const count = Math.min(room.length, bytes.length - at);
      bytes.copy(room, 0, at, at + count);
      receiver.filled(count);
      at += count;
    }
    expect(receiver.room().length).toBeGreaterThan(0);
    for (const expected of bodies) {
      const frame = receiver.next()!;
      expect(bytesOf(frame).equals(expected)).toBe(true);
      frame.release();
    }
    expect(receiver.next()).toBeNull();
  });

  it("N-02: a declared length alone costs nothing", () => {
    const receiver = new Receiver(new Slabs(), FRAME_BYTES_MAX);
    const prefix = Buffer.alloc(4);
    prefix.writeInt32BE(FRAME_BYTES_MAX);
    feed(receiver, prefix, 4, () => expect.unreachable());
    expect(receiver.room().length).toBeLessThanOrEqual(serverLimits.slabBytesSmall);
  });

  it("receives a frame larger than any slab into one buffer that follows the bytes received", () => {
    const receiver = new Receiver(new Slabs(), FRAME_BYTES_MAX);
    const large = body(11_000_001, 5);
    const sent = framed(large);
    let whole: Frame | null = null;
    let received = 0;
    while (received < sent.length) {
      const room = receiver.room();
      expect(room.length).toBeLessThanOrEqual(Math.max(received * 2, serverLimits.slabBytesLarge));
      const count = Math.min(room.length, 700_000, sent.length - received);
      sent.copy(room, 0, received, received + count);
      received += count;
      receiver.filled(count);
      whole = receiver.next();
    }
    expect(bytesOf(whole!).equals(large)).toBe(true);
    feed(receiver, framed(Buffer.from("next")), 100, (frame) => expect(bytesOf(frame).toString()).toBe("next"));
  });

  it.each([0, -1, 2 ** 31 - 1])("N-01: refuses a frame of %i bytes", (size) => {
    const receiver = new Receiver(new Slabs(), FRAME_BYTES_MAX);
    const prefix = Buffer.alloc(4);
    prefix.writeInt32BE(size);
    expect(() => feed(receiver, prefix, 4, () => {})).toThrow("the limit is");
  });

  it("takes large slabs when a connection is fast and gives them back when it is not", () => {
    const slabs = new Slabs();
    const receiver = new Receiver(slabs, FRAME_BYTES_MAX);
    const fast = framed(body(1_000_000, 1));
    for (let count = 0; count < 10; count++) feed(receiver, fast, fast.length, (frame) => frame.release());
    expect(slabs.largeInUse).toBe(1);
    const slow = framed(body(100, 1));
    for (let count = 0; count < 400; count++) feed(receiver, slow, slow.length, (frame) => frame.release());
    receiver.room();
    expect(slabs.largeInUse).toBe(0);
    expect(receiver.room().length).toBeLessThanOrEqual(serverLimits.slabBytesSmall);
  });

  it("lends out a bounded number of large slabs", () => {
    const slabs = new Slabs();
    const taken = Array.from({ length: serverLimits.slabsLargeMax }, () => slabs.take(serverLimits.slabBytesLarge));
    expect(slabs.take(serverLimits.slabBytesLarge).buffer.length).toBe(serverLimits.slabBytesMedium);
    const [first] = taken;
    first!.release();
    expect(slabs.take(serverLimits.slabBytesLarge).buffer).toBe(first!.buffer);
  });
});
