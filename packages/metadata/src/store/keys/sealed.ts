import { crc32 } from "node:zlib";

/** Rows that carry their own CRC and are neither log nor state: promises, base, snapshot, applied index. */
export const sealedRange = { from: Buffer.from([0x02]), below: Buffer.from([0x07]) };

const crcBytes = 4;

/** Value: crc32(u32, over key and body) body. The key is covered, so that a value found under a wrong key is noticed. */
export function seal(key: Buffer, body: Buffer): Buffer {
  const sealed = Buffer.alloc(crcBytes + body.length);
  sealed.writeUInt32BE(crc32(body, crc32(key)));
  body.copy(sealed, crcBytes);
  return sealed;
}

/** The body, or null when the value is damaged (LevelDB does not notice, RELIABILITY finding 1). */
export function unseal(key: Buffer, sealed: Buffer): Buffer | null {
  if (sealed.length < crcBytes) return null;
  const body = sealed.subarray(crcBytes);
  return sealed.readUInt32BE() === crc32(body, crc32(key)) ? body : null;
}
