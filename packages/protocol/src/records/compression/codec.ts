/** The compression of a batch, bits 0-2 of its attributes. */
export const Compression = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const;
export type CompressionName = keyof typeof Compression;
export type CompressionCodec = (typeof Compression)[CompressionName];

export const COMPRESSION_LAST: CompressionCodec = Compression.zstd;
