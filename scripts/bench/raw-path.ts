// The yardstick: a Node process that receives frames into slabs and writes each tick's bytes with one writevSync for each file: as many as
// its first argument says, each of which gets an equal part of every frame, as a partition does. It prints its port. Every frame is
// answered with 8 bytes. A file is started anew when it is as large as what the brokers keep: two segments.
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writevSync } from "node:fs";
import { createServer, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SLAB_BYTES = 4 * 1024 * 1024;
const FILE_BYTES_MAX = 128 * 1024 * 1024;

const directory = mkdtempSync(join(tmpdir(), "odradek-raw-"));
const files = Array.from({ length: Number(process.argv[2] ?? 1) }, (_, index) =>
  openSync(join(directory, `raw-${index}.log`), "w"),
);
let position = 0;

function append(frames: Buffer[]): void {
  const part = (frame: Buffer, index: number): number => Math.floor((frame.length * index) / files.length);
  let bytes = 0;
  for (const [index, file] of files.entries()) {
    const parts = frames.map((frame) => frame.subarray(part(frame, index), part(frame, index + 1)));
    bytes = writevSync(file, parts, position);
  }
  position += bytes;
  if (position < FILE_BYTES_MAX) return;
  for (const file of files) ftruncateSync(file, 0);
  position = 0;
}

/** Receives one connection into a slab; what is left of a frame when the slab is full moves to its start. */
class Slab {
  readonly #answer: (bytes: Buffer) => void;
  readonly #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #start = 0;
  #filled = 0;
  #queue: Buffer[] = [];
  #scheduled = false;

  constructor(answer: (bytes: Buffer) => void) {
    this.#answer = answer;
  }

  room(): Buffer {
    return this.#slab.subarray(this.#filled);
  }

  take(bytes: number): boolean {
    this.#filled += bytes;
    while (this.#filled - this.#start >= 4) {
      const end = this.#start + 4 + this.#slab.readInt32BE(this.#start);
      if (this.#filled < end) break;
      this.#queue.push(this.#slab.subarray(this.#start, end));
      this.#start = end;
    }
    if (SLAB_BYTES - this.#filled < 64 * 1024) this.#rewind();
    else if (this.#queue.length > 0 && !this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.#flush());
    }
    return true;
  }

  /** What is queued stands in the slab, so it is written before the slab is used again. */
  #rewind(): void {
    this.#flush();
    this.#slab.copyWithin(0, this.#start, this.#filled);
    this.#filled -= this.#start;
    this.#start = 0;
  }

  #flush(): void {
    this.#scheduled = false;
    if (this.#queue.length === 0) return;
    append(this.#queue);
    const answers = Buffer.alloc(this.#queue.length * 8);
    for (let at = 0; at < answers.length; at += 8) answers.writeInt32BE(4, at);
    this.#queue = [];
    this.#answer(answers);
  }
}

const server = createServer({ pauseOnConnect: true }, (accepted) => {
  const slab = new Slab((bytes) => socket.write(bytes));
  const socket: Socket = new Socket({
    handle: (accepted as unknown as { _handle: unknown })._handle,
    onread: { buffer: () => slab.room(), callback: (bytes: number) => slab.take(bytes) },
  } as unknown as ConstructorParameters<typeof Socket>[0]);
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.resume();
});
server.listen(0, "127.0.0.1", () => console.log((server.address() as { port: number }).port));
process.once("SIGTERM", () => {
  for (const file of files) closeSync(file);
  rmSync(directory, { recursive: true, force: true });
  process.exit(0);
});
