import { expect, type Target } from "../target.ts";

// Readers with a fault each, behind two bytes that must be right one after the other, and one error for both: who is not told that the
// first was right does not find the second. They stand in a file of their own, whose coverage leads the search.

class DeclaredError extends Error {}

/** What stands behind the first two bytes. */
function behindTheDoor(bytes: Buffer): Buffer {
  if (bytes[0] !== 0x6f) throw new DeclaredError("shut");
  if (bytes[1] !== 0xd7) throw new DeclaredError("shut");
  return bytes.subarray(2);
}

const planted = (name: string, run: (bytes: Buffer) => void): Target => ({
  name,
  isExpected: (error) => error instanceof DeclaredError,
  seeds: () => [Buffer.alloc(16)],
  run: (bytes) => {
    run(behindTheDoor(bytes));
    return undefined;
  },
});

const lengthIn = (bytes: Buffer): number => (bytes.length < 4 ? 0 : bytes.readUInt32BE());

/** Each with words that the finding must say. */
export const plantedTargets: readonly { target: Target; says: string }[] = [
  { target: planted("undeclared", (bytes) => void bytes.readUInt32BE(2)), says: "threw RangeError" },
  {
    target: planted("buffer-bomb", (bytes) => void Buffer.alloc(Math.min(lengthIn(bytes), 1 << 20))),
    says: "asked for",
  },
  { target: planted("array-bomb", (bytes) => void Reflect.construct(Array, [lengthIn(bytes)])), says: "asked for" },
  {
    target: planted("list-bomb", (bytes) => void Array.from({ length: Math.min(lengthIn(bytes), 1 << 20) }, () => 0)),
    says: "asked for",
  },
  {
    target: planted("slow", (bytes) => {
      if (bytes.length > 8) for (const endMs = performance.now() + 12; performance.now() < endMs;);
    }),
    says: "again and again",
  },
  {
    target: planted("contradiction", (bytes) => expect(bytes[0] !== 1, "one is not one")),
    says: "one is not one",
  },
];

/** Never ends once the door is open. */
export const hanging: Target = planted("hang", () => {
  for (;;);
});

/** Nothing but declared errors. */
export const faultless: Target = planted("faultless", () => undefined);
