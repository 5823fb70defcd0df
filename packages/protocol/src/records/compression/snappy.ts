import { compressSync, uncompressSync } from "snappy";
import { ProtocolError } from "../../bytes/protocol-error.ts";
import { Reader } from "../../bytes/reader.ts";

// Java frames snappy as xerial does: magic, int32 version, int32 lowest compatible version, then chunks of int32 size and snappy block.
// Other clients write one plain block. Both are read; the framed form is written, which every client reads.

const MAGIC: Buffer = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const HEADER = Buffer.concat([MAGIC, Buffer.from([0, 0, 0, 1, 0, 0, 0, 1])]);
const CHUNK_BYTES = 32 * 1024;

export function snappyPack(bytes: Buffer): Buffer {
  const parts: Buffer[] = [HEADER];
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    const block = compressSync(bytes.subarray(at, at + CHUNK_BYTES), { copyOutputData: true });
    const size = Buffer.allocUnsafe(4);
    size.writeInt32BE(block.length);
    parts.push(size, block);
  }
  return Buffer.concat(parts);
}

/** Throws ProtocolError when the bytes are malformed or unpack to more than `bytesMax`. */
export function snappyUnpack(bytes: Buffer, bytesMax: number): Buffer {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return unpackBlock(bytes, bytesMax);
  const r = new Reader(bytes, Math.min(HEADER.length, bytes.length));
  const parts: Buffer[] = [];
  let size = 0;
  while (r.remaining > 0) {
    const part = unpackBlock(r.slice(r.int32()), bytesMax - size);
    size += part.length;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** The block says first how long it will be: that is checked before anything is allocated (RELIABILITY N-05). */
function unpackBlock(block: Buffer, bytesMax: number): Buffer {
  const declared = new Reader(block).uvarint();
  if (declared > bytesMax)
    throw new ProtocolError(`snappy would unpack to ${declared} bytes; the limit is ${bytesMax}`);
  try {
    return uncompressSync(block, { copyOutputData: true, asBuffer: true }) as Buffer;
  } catch (cause) {
    throw new ProtocolError("damaged snappy block", { cause });
  }
}
