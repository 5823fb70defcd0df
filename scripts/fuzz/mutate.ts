import { integerBelow, type Random } from "@odradek/kit";

/** Longest input: what is found in long ones is found in short ones, and these run faster. */
export const INPUT_BYTES_MAX = 4096;
const STEPS_MAX = 6;

const NUMBERS: readonly number[] = [
  ...[0, 1, -1, 2, 4, 7, 8, 16, 61, 100, 127, 128, 255, 256, 1000, 4096, 32_767, 32_768, 65_535, 65_536],
  ...[0x7fff_ffff, -0x8000_0000, 0x7fff_fffe, 0x0fff_ffff, 0x1000_0000, 0x4000_0000, -2, -128, -32_768],
];
/** As unsigned varints: 2^31 - 1, 2^32 - 1, one byte too many, 2^53, 2^63 - 1, and an overlong nothing. */
const VARINTS: readonly Buffer[] = [
  "ffffffff07",
  "ffffffff0f",
  "ffffffff1f",
  "8080808080808010",
  "ffffffffffffffff7f",
  "808080808000",
].map((hex) => Buffer.from(hex, "hex"));
/** Names that are special to JavaScript objects (RELIABILITY N-17), and to paths (N-19). */
const NAMES: readonly Buffer[] = ["__proto__", "constructor", "toString", "..", "/", "a-0", "\u0000"].map((name) =>
  Buffer.from(name),
);

/** Where mutations of one target take their bytes from. */
export type Stock = { readonly corpus: readonly Buffer[]; readonly dictionary: readonly Buffer[] };

/** A copy of `from`, changed in one place, or in up to six. */
export function mutate(random: Random, from: Buffer, stock: Stock): Buffer {
  let bytes: Buffer = Buffer.from(from);
  const steps = random.next() < 0.5 ? 1 : 1 + integerBelow(random, STEPS_MAX);
  for (let step = 0; step < steps; step++) bytes = change(random, bytes, stock);
  return bytes.length > INPUT_BYTES_MAX ? bytes.subarray(0, INPUT_BYTES_MAX) : bytes;
}

const pick = <T>(random: Random, list: readonly T[]): T => list[integerBelow(random, list.length)]!;

function change(random: Random, bytes: Buffer, stock: Stock): Buffer {
  const at = integerBelow(random, bytes.length + 1);
  if (at < bytes.length && random.next() < 0.6) {
    overwrite(random, bytes, at);
    return bytes;
  }
  const size = 1 + integerBelow(random, random.next() < 0.8 ? 8 : 64);
  switch (integerBelow(random, 8)) {
    case 0: // cut off
      return bytes.subarray(0, at);
    case 1: // a piece is missing
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + size)]);
    case 2: // a piece comes twice
      return insert(bytes, at, bytes.subarray(at, at + size));
    case 3: // a piece of another input
      return insert(bytes, at, pieceOf(random, pick(random, stock.corpus)));
    case 4: // the end of another input
      return Buffer.concat([bytes.subarray(0, at), pick(random, stock.corpus).subarray(at)]);
    case 5:
      return insert(bytes, at, random.bytes(size));
    case 6:
      return insert(bytes, at, pick(random, VARINTS));
    default:
      return insert(bytes, at, pick(random, stock.dictionary.length > 0 ? stock.dictionary : NAMES));
  }
}

const insert = (bytes: Buffer, at: number, piece: Buffer): Buffer =>
  Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);

function pieceOf(random: Random, bytes: Buffer): Buffer {
  const at = integerBelow(random, bytes.length + 1);
  return bytes.subarray(at, at + 1 + integerBelow(random, 32));
}

function overwrite(random: Random, bytes: Buffer, at: number): void {
  const left = bytes.length - at;
  switch (integerBelow(random, 8)) {
    case 0:
      bytes[at]! ^= 1 << integerBelow(random, 8);
      return;
    case 1:
      bytes[at] = integerBelow(random, 256);
      return;
    case 2:
      bytes[at]! += integerBelow(random, 9) - 4;
      return;
    case 3:
      bytes[at] = pick(random, NUMBERS) & 0xff;
      return;
    case 4:
      if (left >= 2) bytes.writeInt16BE((pick(random, NUMBERS) << 16) >> 16, at);
      return;
    case 5:
      if (left >= 4) bytes.writeInt32BE(pick(random, NUMBERS) | 0, at);
      return;
    case 6:
      pick(random, VARINTS).copy(bytes, at);
      return;
    default:
      pick(random, NAMES).copy(bytes, at);
  }
}
