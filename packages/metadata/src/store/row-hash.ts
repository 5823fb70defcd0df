/*
 * 128 bits of a row, for the digest of the state: a fifth of the time of SHA-256, most of which went into buffers. Four lanes of 32 bits take
 * sixteen bytes in a round. Each step can be undone when the bytes are known, so nothing that once made a difference is forgotten.
 */

const blockBytes = 16;
const seeds = Int32Array.of(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344); // the fraction of pi
const lanes = new Int32Array(seeds.length);
const tail = new Uint8Array(blockBytes);

/** Valid until the next call. Whoever changes what it makes gives the wire's checkpoints new field numbers. */
export function hashRow(key: Buffer, value: Buffer): Int32Array {
  lanes.set(seeds);
  mix(key.length, value.length, 0, 0);
  absorb(key);
  absorb(value);
  // Twice around: then each lane depends on every other.
  for (let at = 0; at < 2 * lanes.length; at++) lanes[at % 4] = scattered(lanes[at % 4]! + lanes[(at + 3) % 4]!);
  return lanes;
}

function absorb(bytes: Buffer): void {
  const whole = bytes.length - (bytes.length % blockBytes);
  for (let at = 0; at < whole; at += blockBytes) mixBlock(bytes, at);
  if (whole === bytes.length) return;
  for (let at = 0; at < blockBytes; at++) tail[at] = whole + at < bytes.length ? bytes[whole + at]! : 0;
  mixBlock(tail, 0);
}

const mixBlock = (bytes: Uint8Array, at: number): void =>
  mix(word(bytes, at), word(bytes, at + 4), word(bytes, at + 8), word(bytes, at + 12));

function mix(first: number, second: number, third: number, fourth: number): void {
  lanes[0] = step(lanes[0]!, first) + lanes[1]!;
  lanes[1] = step(lanes[1]!, second) + lanes[2]!;
  lanes[2] = step(lanes[2]!, third) + lanes[3]!;
  lanes[3] = step(lanes[3]!, fourth) + lanes[0];
}

/** A product spreads a bit upwards only, so there are two, with a turn between them. Odd factors can be undone. */
const step = (lane: number, added: number): number =>
  Math.imul(rotated(lane ^ rotated(Math.imul(added, 0x9e3779b1), 15), 13), 0x85ebca77);

const word = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);

const rotated = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));

/** Every bit of the value changes about half of the result's. */
function scattered(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x7feb352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return mixed ^ (mixed >>> 16);
}
