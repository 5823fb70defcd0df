import { fixed } from "./type.ts";

export const int8 = fixed<number>({ bytesMin: 1, read: (r) => r.int8(), write: (w, value) => w.int8(value) });
export const int16 = fixed<number>({ bytesMin: 2, read: (r) => r.int16(), write: (w, value) => w.int16(value) });
export const uint16 = fixed<number>({ bytesMin: 2, read: (r) => r.uint16(), write: (w, value) => w.int16(value) });
export const int32 = fixed<number>({ bytesMin: 4, read: (r) => r.int32(), write: (w, value) => w.int32(value) });
export const uint32 = fixed<number>({ bytesMin: 4, read: (r) => r.uint32(), write: (w, value) => w.int32(value) });

/** A safe integer: offsets, ids. Beyond 2^53 it is a ProtocolError (RELIABILITY N-18). */
export const int64 = fixed<number>({ bytesMin: 8, read: (r) => r.int64(), write: (w, value) => w.int64(value) });

/** A timestamp or duration, where 2^63 - 1 legally means "no bound" and is Infinity here. */
export const time64 = fixed<number>({
  bytesMin: 8,
  read: (r) => r.int64Unbounded(),
  write: (w, value) => w.int64(value),
});

/** An int64 kept exactly, at the price of a bigint. */
export const long64 = fixed<bigint>({ bytesMin: 8, read: (r) => r.long64(), write: (w, value) => w.long64(value) });

export const bool = fixed<boolean>({ bytesMin: 1, read: (r) => r.bool(), write: (w, value) => w.bool(value) });
export const float64 = fixed<number>({ bytesMin: 8, read: (r) => r.float64(), write: (w, value) => w.float64(value) });

/** 16 bytes, as 22 characters of base64url. */
export const uuid = fixed<string>({ bytesMin: 16, read: (r) => r.uuid(), write: (w, value) => w.uuid(value) });

/** The uuid that means "none". */
export const UUID_ZERO = "AAAAAAAAAAAAAAAAAAAAAA";
