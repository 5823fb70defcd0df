import { randomFillSync } from "node:crypto";

/** The port to chance. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** `count` random bytes. */
  bytes(count: number): Buffer;
}

export class SystemRandom implements Random {
  next(): number {
    return Math.random();
  }

  bytes(count: number): Buffer {
    return randomFillSync(Buffer.alloc(count));
  }
}

/** A whole number in [0, below). */
export function integerBelow(random: Random, below: number): number {
  return Math.floor(random.next() * below);
}

/** A random (version 4) UUID as 16 bytes. */
export function randomUuid(random: Random): Buffer {
  const uuid = random.bytes(16);
  uuid[6] = (uuid[6]! & 0x0f) | 0x40;
  uuid[8] = (uuid[8]! & 0x3f) | 0x80;
  return uuid;
}
