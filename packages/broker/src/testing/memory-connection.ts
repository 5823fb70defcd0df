import type { Connection, Sink } from "@odradek/kit";

/** A connection without a network: what the server writes is kept, what the client sends arrives in the pieces the test chooses. */
export class MemoryConnection implements Connection {
  readonly remoteAddress = "memory";
  readonly sent: Buffer[] = [];
  writes = 0;
  isPaused = false;
  isDestroyed = false;
  queuedBytes = 0;
  onDrain: () => void = () => {};
  onClosed: (error: Error | null) => void = () => {};
  /** With `holdsBack` writes are refused until `drain`. */
  holdsBack = false;
  #waiting: (() => void)[] = [];
  #unread: Buffer[] = [];
  #sink: Sink | null = null;

  attach(sink: Sink): void {
    this.#sink = sink;
  }

  /** The client sends `bytes`, in pieces of at most `pieceBytesMax`. While the server has paused they wait. */
  receive(bytes: Buffer, pieceBytesMax = bytes.length): void {
    for (let at = 0; at < bytes.length; at += pieceBytesMax) this.#unread.push(bytes.subarray(at, at + pieceBytesMax));
    this.#deliver();
  }

  get unreadBytes(): number {
    return this.#unread.reduce((sum, piece) => sum + piece.length, 0);
  }

  write(buffers: readonly Buffer[], written?: () => void): boolean {
    if (this.isDestroyed) {
      written?.();
      return true;
    }
    if (buffers.length > 0) {
      this.writes++;
      this.sent.push(Buffer.concat(buffers));
    }
    if (!this.holdsBack) written?.();
    else if (written) this.#waiting.push(written);
    return !this.holdsBack;
  }

  drain(): void {
    this.holdsBack = false;
    for (const written of this.#waiting.splice(0)) written();
    this.onDrain();
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    this.#deliver();
  }

  end(): void {
    this.destroy();
  }

  destroy(): void {
    if (this.isDestroyed) return;
    this.isDestroyed = true;
    for (const written of this.#waiting.splice(0)) written();
    this.onClosed(null);
  }

  #deliver(): void {
    while (!this.isPaused && !this.isDestroyed && this.#unread.length > 0) {
      const piece = this.#unread.shift()!;
      const room = this.#sink!.room();
      const taken = Math.min(room.length, piece.length);
      piece.copy(room, 0, 0, taken);
      if (taken < piece.length) this.#unread.unshift(piece.subarray(taken));
      this.#sink!.filled(taken);
    }
  }
}
