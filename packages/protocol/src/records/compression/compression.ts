import { constants, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { ProtocolError } from "../../bytes/protocol-error.ts";
import { Compression, type CompressionCodec } from "./codec.ts";
import { lz4Frame, unlz4Frame } from "./lz4-frame.ts";
import { snappyPack, snappyUnpack } from "./snappy.ts";

/** Kafka's default. */
const ZSTD_LEVEL = 3;

/** Packs the records of a batch as Kafka's Java producer would; a `level` is the codec's own, and counts for gzip and zstd. */
export function compress(codec: CompressionCodec, bytes: Buffer, level?: number): Buffer {
  switch (codec) {
    case Compression.none:
      return bytes;
    case Compression.gzip:
      return gzipSync(bytes, level === undefined ? {} : { level });
    case Compression.snappy:
      return snappyPack(bytes);
    case Compression.lz4:
      return lz4Frame(bytes);
    case Compression.zstd:
      return zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: level ?? ZSTD_LEVEL } });
  }
}

/**
 * Unpacks the records of a batch. Throws ProtocolError when the bytes are malformed or the result would exceed `bytesMax`;
 * no more than that is ever allocated for it (RELIABILITY N-05).
 */
export function decompress(codec: CompressionCodec, bytes: Buffer, bytesMax: number): Buffer {
  switch (codec) {
    case Compression.none:
      return bytes;
    case Compression.gzip:
      return bounded(() => gunzipSync(bytes, { maxOutputLength: Math.max(1, bytesMax) }));
    case Compression.snappy:
      return snappyUnpack(bytes, bytesMax);
    case Compression.lz4:
      return unlz4Frame(bytes, bytesMax);
    case Compression.zstd:
      return bounded(() => zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, bytesMax) }));
    default:
      throw new ProtocolError(`compression ${codec satisfies never}`);
  }
}

/** zlib's errors all come from the bytes given: too much output, or damaged. */
function bounded(unpack: () => Buffer): Buffer {
  try {
    return unpack();
  } catch (cause) {
    throw new ProtocolError("compressed records can't be unpacked", { cause });
  }
}
