import { ProtocolError } from "../../bytes/protocol-error.ts";
import { lz4BlockBytesMax, lz4PackBlock, lz4UnpackBlock } from "./lz4-block.ts";
import { xxh32 } from "./xxh32.ts";

// LZ4 frame, all numbers little-endian: magic u32 · FLG u8 · BD u8 · [contentSize u64] · [dictionaryId u32] · HC u8
// then blocks: size u32 (top bit: stored as is) · bytes · [xxh32 of them]; then u32 0 · [xxh32 of the content].
// FLG: bits 7-6 version 01 · 5 blocks independent · 4 block checksums · 3 content size · 2 content checksum · 0 dictionary id.
// BD: bits 6-4 the block size limit: 4 64 KiB · 5 256 KiB · 6 1 MiB · 7 4 MiB. HC: second byte of xxh32(FLG … HC).

const MAGIC = 0x184d_2204;
const VERSION = 0x40;
const INDEPENDENT = 0x20;
const BLOCK_CHECKSUMS = 0x10;
const CONTENT_SIZE = 0x08;
const CONTENT_CHECKSUM = 0x04;
const RESERVED = 0x02;
const DICTIONARY = 0x01;
const STORED = 0x8000_0000;
const BLOCK_BYTES = 64 * 1024;

/** Packs as Kafka's Java producer does: independent blocks of 64 KiB, no checksums. */
export function lz4Frame(bytes: Buffer): Buffer {
  const blocks = Math.ceil(bytes.length / BLOCK_BYTES);
  const into = Buffer.allocUnsafe(7 + blocks * (4 + lz4BlockBytesMax(BLOCK_BYTES)) + 4);
  into.writeUInt32LE(MAGIC, 0);
  into[4] = VERSION | INDEPENDENT;
  into[5] = 4 << 4;
  into[6] = (xxh32(into.subarray(4, 6)) >>> 8) & 0xff;
  let at = 7;
  for (let from = 0; from < bytes.length; from += BLOCK_BYTES) {
    const block = bytes.subarray(from, from + BLOCK_BYTES);
    const size = lz4PackBlock(block, into.subarray(at + 4));
    const isSmaller = size < block.length;
    if (!isSmaller) block.copy(into, at + 4);
    into.writeUInt32LE(isSmaller ? size : (block.length | STORED) >>> 0, at);
    at += 4 + (isSmaller ? size : block.length);
  }
  into.writeUInt32LE(0, at);
  return into.subarray(0, at + 4);
}

/** Output that doubles as blocks come in, never by what the frame declares. */
class Output {
  readonly #bytesMax: number;
  bytes: Buffer;
  size = 0;

  constructor(bytesFirst: number, bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.bytes = Buffer.allocUnsafe(Math.min(bytesFirst, bytesMax));
  }

  /** Makes room for a block of up to `size` bytes, or for what is left up to the limit. */
  reserve(size: number): void {
    const wanted = Math.min(this.size + size, this.#bytesMax);
    if (wanted <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.min(Math.max(wanted, this.bytes.length * 2), this.#bytesMax));
    this.bytes.copy(larger, 0, 0, this.size);
    this.bytes = larger;
  }
}

/** A position in the frame, checked against its end. */
class Source {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  take(size: number): Buffer {
    if (size > this.bytes.length - this.at) throw new ProtocolError("an LZ4 frame is cut off");
    this.at += size;
    return this.bytes.subarray(this.at - size, this.at);
  }

  uint32(): number {
    return this.take(4).readUInt32LE();
  }
}

type FrameHeader = { readonly flags: number; readonly blockBytesMax: number; readonly contentBytes: number | null };

function readHeader(from: Source): FrameHeader {
  if (from.uint32() !== MAGIC) throw new ProtocolError("no LZ4 frame");
  const start = from.at;
  const [flags, block] = from.take(2) as unknown as [number, number];
  if ((flags & 0xc0) !== VERSION || (flags & RESERVED) !== 0 || (block & 0x8f) !== 0)
    throw new ProtocolError("an unknown LZ4 frame version");
  if ((flags & DICTIONARY) !== 0) throw new ProtocolError("an LZ4 frame with a dictionary");
  const sizeCode = block >>> 4;
  if (sizeCode < 4) throw new ProtocolError(`LZ4 block size code ${sizeCode}`);
  const contentBytes = (flags & CONTENT_SIZE) === 0 ? null : Number(from.take(8).readBigUInt64LE());
  const expected = (xxh32(from.bytes.subarray(start, from.at)) >>> 8) & 0xff;
  if (from.take(1)[0] !== expected) throw new ProtocolError("the LZ4 header's checksum does not match");
  return { flags, blockBytesMax: 1 << (2 * sizeCode + 8), contentBytes };
}

/** Throws ProtocolError when the frame is damaged or unpacks to more than `bytesMax`. */
export function unlz4Frame(bytes: Buffer, bytesMax: number): Buffer {
  const from = new Source(bytes);
  const { flags, blockBytesMax, contentBytes } = readHeader(from);
  if (contentBytes !== null && contentBytes > bytesMax)
    throw new ProtocolError(`LZ4 content of ${contentBytes} bytes; the limit is ${bytesMax}`);
  const out = new Output(Math.min(bytes.length * 3, 1024 * 1024), bytesMax);
  for (let size = from.uint32(); size !== 0; size = from.uint32()) unpackBlock(from, size, out, flags, blockBytesMax);
  const content = out.bytes.subarray(0, out.size);
  if ((flags & CONTENT_CHECKSUM) !== 0 && from.uint32() !== xxh32(content))
    throw new ProtocolError("the LZ4 content's checksum does not match");
  if (contentBytes !== null && contentBytes !== content.length)
    throw new ProtocolError("LZ4 content of another size than declared");
  return content;
}

function unpackBlock(from: Source, size: number, out: Output, flags: number, blockBytesMax: number): void {
  const block = from.take(size % STORED);
  if (block.length > blockBytesMax) throw new ProtocolError("an LZ4 block above its frame's limit");
  if ((flags & BLOCK_CHECKSUMS) !== 0 && from.uint32() !== xxh32(block))
    throw new ProtocolError("an LZ4 block's checksum does not match");
  const start = out.size;
  if (size >= STORED) {
    out.reserve(block.length);
    if (block.length > out.bytes.length - start) throw new ProtocolError("LZ4 content above the limit");
    block.copy(out.bytes, start);
    out.size += block.length;
    return;
  }
  // A block can't grow more than 255-fold, so a small one needs no room for the largest.
  out.reserve(Math.min(blockBytesMax, block.length * 255));
  const limit = Math.min(out.bytes.length, start + blockBytesMax);
  out.size = lz4UnpackBlock(block, out.bytes.subarray(0, limit), start, (flags & INDEPENDENT) !== 0 ? start : 0);
}
