import { crc32 } from "node:zlib";
import type { StoreSnapshot } from "../client/types.ts";
import { digestOf } from "../store/write.ts";

/*
 * A snapshot as a file; docs/formats/metadata-snapshot.md is its page.
 * magic "ODRADEK\0" (8) version (u32) header length (u32) header (JSON) data, crc32 (u32, over everything before)
 */
const magic = Buffer.from("ODRADEK\0");
const version = 1;
const fixedBytes = magic.length + 8;
/** A header is a few hundred bytes; a length beyond this is damage, not a header. */
const headerBytesMax = 64 * 1024;

export type SnapshotFile = StoreSnapshot & { savedAtMs: number };

/** The file in parts, so that the data need not be copied. */
export function encodeSnapshotFile(file: SnapshotFile): Buffer[] {
  const { data, hash, digest, ...rest } = file;
  const fields = { ...rest, bytes: data.length, hash: hash.toString("hex"), digest: digest.toString("hex") };
  const header = Buffer.from(JSON.stringify(fields));
  const fixed = Buffer.alloc(fixedBytes);
  magic.copy(fixed);
  fixed.writeUInt32BE(version, magic.length);
  fixed.writeUInt32BE(header.length, magic.length + 4);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(data, crc32(header, crc32(fixed))));
  return [fixed, header, data, crc];
}

/** Throws an Error that says what is wrong with a file that is none, or is damaged. */
export function decodeSnapshotFile(bytes: Buffer): SnapshotFile {
  if (bytes.length < fixedBytes || !bytes.subarray(0, magic.length).equals(magic))
    throw new Error("this is no snapshot of a metadata store");
  const found = bytes.readUInt32BE(magic.length);
  if (found !== version) throw new Error(`the snapshot has format ${found}; this version reads format ${version}`);
  const headerLength = bytes.readUInt32BE(magic.length + 4);
  const dataAt = fixedBytes + headerLength;
  const end = bytes.length - 4;
  if (headerLength > headerBytesMax || dataAt > end) throw new Error("the snapshot is cut short");
  if (crc32(bytes.subarray(0, end)) !== bytes.readUInt32BE(end))
    throw new Error("the snapshot is damaged, or cut short: its CRC does not match");
  const header = headerOf(bytes.subarray(fixedBytes, dataAt).toString());
  const data = bytes.subarray(dataAt, end);
  const { bytes: expected, hash, digest, ...rest } = header;
  if (data.length !== expected) throw new Error(`the snapshot has ${data.length} bytes of data instead of ${expected}`);
  const decoded = { ...rest, hash: Buffer.from(hash, "hex"), digest: Buffer.from(digest, "hex"), data };
  if (!digestOf(data).equals(decoded.digest)) throw new Error("the snapshot's data is not what its digest says");
  return decoded;
}

const numbers = ["index", "term", "revision", "nodes", "sessions", "savedAtMs", "bytes"] as const;
const texts = ["clusterId", "hash", "digest"] as const;

/** The checksum says that somebody wrote it so, not that it was one of us. */
function headerOf(json: string): Header {
  let header: Partial<Header> | null;
  try {
    header = JSON.parse(json) as Partial<Header> | null;
  } catch (cause) {
    throw new Error("the snapshot's header is no JSON", { cause });
  }
  for (const name of numbers)
    if (!Number.isSafeInteger(header?.[name])) throw new Error(`the snapshot's header has no ${name}`);
  for (const name of texts)
    if (typeof header?.[name] !== "string") throw new Error(`the snapshot's header has no ${name}`);
  return header as Header;
}

type Header = Omit<SnapshotFile, "data" | "hash" | "digest"> & { bytes: number; hash: string; digest: string };
