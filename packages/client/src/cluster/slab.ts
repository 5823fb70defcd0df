import type { Sink } from "@odradek/kit";
import { Framer } from "@odradek/protocol";

const SLAB_BYTES = 64 * 1024;
const ROOM_BYTES_MIN = 4 * 1024;

/** Receives into slabs and cuts frames out of them without copying what arrives whole. */
export class FrameSink implements Sink {
  readonly #framer = new Framer();
  readonly #onFrame: (frame: Buffer) => void;
  #slab = Buffer.alloc(0);
  #at = 0;

  /** `onFrame` gets every frame's body; it shares the slab's memory. */
  constructor(onFrame: (frame: Buffer) => void) {
    this.#onFrame = onFrame;
  }

  room(): Buffer {
    if (this.#slab.length - this.#at < ROOM_BYTES_MIN) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#at = 0;
    }
    return this.#slab.subarray(this.#at);
  }

  /** Throws ProtocolError on an illegal frame length. */
  filled(bytes: number): void {
    const chunk = this.#slab.subarray(this.#at, this.#at + bytes);
    this.#at += bytes;
    for (const frame of this.#framer.push(chunk)) this.#onFrame(frame);
  }
}
