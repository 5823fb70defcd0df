import { Reader, Writer } from "../bytes.ts";

/** meta: one. Key: 0x40. Value: format version, revision of the tree and its time, oldest revision that can be read, CRC-32. */
export const TAG = 0x40;
/** 2: the history holds what nodes were, who changed them, and when. */
const FORMAT = 2;

export type Meta = { revision: number; timeMs: number; historyOldest: number };

export function key(): Buffer {
  return Buffer.from([TAG]);
}

export function encode({ revision, timeMs, historyOldest }: Meta): Buffer {
  return new Writer().number(FORMAT).number(revision).number(timeMs).number(historyOldest).sealed();
}

export function decode(value: Buffer): Meta {
  const reader = Reader.sealed(value, "the tree's meta record");
  const format = reader.number();
  if (format !== FORMAT) throw new Error(`the tree is stored in format ${format}; this version reads format ${FORMAT}`);
  return { revision: reader.number(), timeMs: reader.number(), historyOldest: reader.number() };
}
