import { createRequire } from "node:module";

/** Below this the call into native code costs more than it saves. */
const NATIVE_BYTES_MIN = 176;
const POLYNOMIAL = 0x82f6_3b78; // Castagnoli, reflected

/** tables[k][b]: the effect of byte b followed by k zero bytes (slicing-by-8). */
const tables: Uint32Array[] = [];
for (let slice = 0; slice < 8; slice++) {
  const table = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = slice === 0 ? byte : tables[slice - 1]![byte]!;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    table[byte] = crc >>> 0;
  }
  tables.push(table);
}
const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
];

/** CRC-32C in plain JavaScript: for short inputs, and where the native module does not load. */
export function crc32cPortable(bytes: Uint8Array, previous = 0): number {
  let crc = ~previous;
  let at = 0;
  for (const end = bytes.length - 7; at < end; at += 8) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    crc =
      t7[crc & 0xff]! ^
      t6[(crc >>> 8) & 0xff]! ^
      t5[(crc >>> 16) & 0xff]! ^
      t4[crc >>> 24]! ^
      t3[bytes[at + 4]!]! ^
      t2[bytes[at + 5]!]! ^
      t1[bytes[at + 6]!]! ^
      t0[bytes[at + 7]!]!;
  }
  for (; at < bytes.length; at++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[at]!) & 0xff]!;
  return ~crc >>> 0;
}

type Native = { crc32c(bytes: Uint8Array, previous?: number): number };

function loadNative(): Native | null {
  try {
    return createRequire(import.meta.url)("@node-rs/crc32") as Native;
  } catch {
    return null; // no binary for this platform: slower, but right
  }
}

const native = loadNative();

/** CRC-32C (Castagnoli) as an unsigned number. `previous` continues a checksum over several buffers. */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  return native === null || bytes.length < NATIVE_BYTES_MIN
    ? crc32cPortable(bytes, previous)
    : native.crc32c(bytes, previous);
}
