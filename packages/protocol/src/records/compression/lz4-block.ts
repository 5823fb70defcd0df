import { ProtocolError } from "../../bytes/protocol-error.ts";

// An LZ4 block is a list of sequences: token (literal length in the high 4 bits, match length - 4 in the low ones; 15 means more
// bytes follow, each adding up to 255), literals, match offset as uint16 little-endian. The last sequence has literals only.

const MATCH_BYTES_MIN = 4;
/** The format wants the last 5 bytes as literals, and no match to begin within the last 12. */
const LITERALS_LAST = 5;
const MATCH_START_LAST = 12;
const OFFSET_MAX = 0xffff;
const HASH_BITS = 13;

export const lz4BlockBytesMax = (size: number): number => size + Math.ceil(size / 255) + 16;

const hashOf = (word: number): number => Math.imul(word, 0x9e37_79b1) >>> (32 - HASH_BITS);

const wordAt = (bytes: Buffer, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);

/** Greedy packing with one candidate per hash. `into` must hold lz4BlockBytesMax(from.length); returns the bytes used of it. */
export function lz4PackBlock(from: Buffer, into: Buffer): number {
  const candidates = new Int32Array(1 << HASH_BITS).fill(-1);
  let anchor = 0; // first byte not written yet
  let out = 0;
  let misses = 0;
  for (let at = 0; at < from.length - MATCH_START_LAST;) {
    const word = wordAt(from, at);
    const slot = hashOf(word);
    const candidate = candidates[slot]!;
    candidates[slot] = at;
    if (candidate < 0 || at - candidate > OFFSET_MAX || wordAt(from, candidate) !== word) {
      at += 1 + (misses++ >> 6); // steps widen where nothing repeats
      continue;
    }
    misses = 0;
    const size = matchBytes(from, candidate, at);
    out = putSequence(into, out, from.subarray(anchor, at), at - candidate, size);
    at += size;
    anchor = at;
  }
  return putSequence(into, out, from.subarray(anchor), 0, 0);
}

function matchBytes(from: Buffer, candidate: number, at: number): number {
  const last = from.length - LITERALS_LAST;
  let size = MATCH_BYTES_MIN;
  while (at + size < last && from[candidate + size] === from[at + size]) size++;
  return size;
}

function putLength(into: Buffer, at: number, rest: number): number {
  let out = at;
  let left = rest;
  for (; left >= 255; left -= 255) into[out++] = 255;
  into[out++] = left;
  return out;
}

/** A match of 0 bytes ends the block. */
function putSequence(into: Buffer, at: number, literals: Buffer, offset: number, match: number): number {
  const extra = Math.max(0, match - MATCH_BYTES_MIN);
  let out = at;
  into[out++] = (Math.min(15, literals.length) << 4) | Math.min(15, extra);
  if (literals.length >= 15) out = putLength(into, out, literals.length - 15);
  into.set(literals, out);
  out += literals.length;
  if (match === 0) return out;
  into[out++] = offset & 0xff;
  into[out++] = offset >>> 8;
  return extra >= 15 ? putLength(into, out, extra - 15) : out;
}

/**
 * Unpacks a block into `into` from `start` on, where earlier blocks' bytes stand before it, and returns the end.
 * Matches may reach back to `floor`. Throws ProtocolError when the block is damaged or does not fit.
 */
export function lz4UnpackBlock(block: Buffer, into: Buffer, start: number, floor: number): number {
  let at = 0;
  let out = start;
  const length = (nibble: number): number => {
    let size = nibble;
    if (nibble < 15) return size;
    for (;;) {
      if (at >= block.length) throw new ProtocolError("an LZ4 length is cut off");
      const byte = block[at++]!;
      size += byte;
      if (byte < 255) return size;
    }
  };
  while (at < block.length) {
    const token = block[at++]!;
    const literals = length(token >>> 4);
    if (literals > block.length - at || literals > into.length - out)
      throw new ProtocolError("LZ4 literals beyond the end");
    block.copy(into, out, at, at + literals);
    at += literals;
    out += literals;
    if (at === block.length) return out;
    if (block.length - at < 2) throw new ProtocolError("an LZ4 offset is cut off");
    const offset = block[at]! | (block[at + 1]! << 8);
    at += 2;
    const match = length(token & 0x0f) + MATCH_BYTES_MIN;
    if (offset === 0 || offset > out - floor || match > into.length - out)
      throw new ProtocolError("an LZ4 match beyond the bytes there are");
    copyMatch(into, out, offset, match);
    out += match;
  }
  return out;
}

/** Source and target may overlap: then the bytes just written repeat. */
function copyMatch(into: Buffer, out: number, offset: number, size: number): void {
  if (offset >= size) into.copyWithin(out, out - offset, out - offset + size);
  else for (let i = 0; i < size; i++) into[out + i] = into[out + i - offset]!;
}
