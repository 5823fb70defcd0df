import { Reader, Writer } from "../bytes.ts";

/** meta: one. Key: 0x40. Value: format version, revision of the tree, oldest revision to resume from, CRC-32. */
export const TAG = 0x40;
const FORMAT = 1;

export type Meta = { revision: number; historyOldest: number };

export function key(): Buffer {
  return Buffer.from([TAG]);
}

export function encode(meta: Meta): Buffer {
  return new Writer().number(FORMAT).number(meta.revision).number(meta.historyOldest).sealed();
}

export function decode(value: Buffer): Meta {
  const reader = Reader.sealed(value, "the tree's meta record");
  const format = reader.number();
  if (format !== FORMAT) throw new Error(`the tree is stored in format ${format}; this version reads format ${FORMAT}`);
  return { revision: reader.number(), historyOldest: reader.number() };
}
