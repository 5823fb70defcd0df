import { assert } from "@odradek/kit";
import { serverLimits } from "./limits.ts";

/** Receive memory that several frames share. It goes back to its pool when the last holder lets go. */
export class Slab {
  readonly buffer: Buffer;
  readonly #recycle: (slab: Slab) => void;
  #holders = 1;

  constructor(buffer: Buffer, recycle: (slab: Slab) => void) {
    this.buffer = buffer;
    this.#recycle = recycle;
  }

  /** Whether only one holder is left. */
  get isSole(): boolean {
    return this.#holders === 1;
  }

  hold(): void {
    assert(this.#holders > 0, "a released slab is not held again");
    this.#holders++;
  }

  release(): void {
    assert(this.#holders > 0, "a slab is released once per holder");
    this.#holders--;
    if (this.#holders === 0) this.#recycle(this);
  }

  /** Back in use with one holder. */
  revive(): void {
    assert(this.#holders === 0, "only a free slab is revived");
    this.#holders = 1;
  }
}

const { slabBytesSmall, slabBytesMedium, slabBytesLarge } = serverLimits;
const nothingToDo = (): void => {};

/** The pool of receive memory of one process (PERFORMANCE §0.1: fresh buffers per message cost more than the kernel does). */
export class Slabs {
  readonly #freeLarge: Slab[] = [];
  readonly #freeMedium: Slab[] = [];
  #largeInUse = 0;
  /** Bytes of requests under way, of all connections. */
  requestBytes = 0;

  /** Large slabs lent out now. */
  get largeInUse(): number {
    return this.#largeInUse;
  }

  /** A slab of the size class that `bytesWanted` asks for; a smaller one when the large ones are used up. */
  take(bytesWanted: number): Slab {
    if (bytesWanted <= slabBytesSmall) return new Slab(Buffer.allocUnsafeSlow(slabBytesSmall), nothingToDo);
    if (bytesWanted <= slabBytesMedium || this.#largeInUse >= serverLimits.slabsLargeMax) return this.#takeMedium();
    this.#largeInUse++;
    const free = this.#freeLarge.pop();
    free?.revive();
    return free ?? new Slab(Buffer.allocUnsafeSlow(slabBytesLarge), this.#recycleLarge);
  }

  /** A buffer of exactly this size for one frame that fits no slab. */
  takeOwn(bytes: number): Slab {
    return new Slab(Buffer.allocUnsafeSlow(bytes), nothingToDo);
  }

  #takeMedium(): Slab {
    const free = this.#freeMedium.pop();
    free?.revive();
    return free ?? new Slab(Buffer.allocUnsafeSlow(slabBytesMedium), this.#recycleMedium);
  }

  readonly #recycleLarge = (slab: Slab): void => {
    this.#largeInUse--;
    if (this.#freeLarge.length < serverLimits.slabsFreeMax) this.#freeLarge.push(slab);
  };

  readonly #recycleMedium = (slab: Slab): void => {
    if (this.#freeMedium.length < serverLimits.slabsMediumFreeMax) this.#freeMedium.push(slab);
  };
}
