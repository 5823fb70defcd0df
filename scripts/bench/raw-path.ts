// The yardstick: a Node process that receives frames into slabs and writes each tick's bytes with one writevSync into one file.
// It prints its port. Every frame is answered with 8 bytes. The file is started anew when it has grown large, as segments are.
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writevSync } from "node:fs";
import { createServer, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SLAB_BYTES = 4 * 1024 * 1024;
const FILE_BYTES_MAX = 1024 * 1024 * 1024;

const directory = mkdtempSync(join(tmpdir(), "odradek-raw-"));
const file = openSync(join(directory, "raw.log"), "w");
let position = 0;

function append(buffers: Buffer[]): void {
  position += writevSync(file, buffers, position);
  if (position < FILE_BYTES_MAX) return;
  ftruncateSync(file, 0);
  position = 0;
}

/** Slabs of one connection: a frame that does not fit in the rest of a slab moves to the start of the next. */
function serve(socket: Socket): void {
  let slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  let start = 0;
  let filled = 0;
  let queue: Buffer[] = [];
  let scheduled = false;
  const flush = (): void => {
    scheduled = false;
    append(queue);
    const answers = Buffer.alloc(queue.length * 8);
    for (let at = 0; at < queue.length; at++) answers.writeInt32BE(4, at * 8);
    queue = [];
    socket.write(answers);
  };
  Object.assign(socket, {
    take: (bytes: number): boolean => {
      filled += bytes;
      while (filled - start >= 4) {
        const size = 4 + slab.readInt32BE(start);
        if (filled - start < size) break;
        queue.push(slab.subarray(start, start + size));
        start += size;
      }
      if (SLAB_BYTES - filled < 64 * 1024) {
        // What is queued still stands in the old slab, so it is written before the slab is used again.
        if (queue.length > 0) flush();
        slab.copyWithin(0, start, filled);
        filled -= start;
        start = 0;
      }
      if (queue.length > 0 && !scheduled) {
        scheduled = true;
        setImmediate(() => (queue.length > 0 ? flush() : (scheduled = false)));
      }
      return true;
    },
    room: () => slab.subarray(filled),
  });
}

type Slabbed = Socket & { take: (bytes: number) => boolean; room: () => Buffer };
const server = createServer({ pauseOnConnect: true }, (accepted) => {
  const socket: Slabbed = new Socket({
    handle: (accepted as unknown as { _handle: unknown })._handle,
    onread: { buffer: () => socket.room(), callback: (bytes: number) => socket.take(bytes) },
  } as unknown as ConstructorParameters<typeof Socket>[0]) as Slabbed;
  serve(socket);
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.resume();
});
server.listen(0, "127.0.0.1", () => console.log((server.address() as { port: number }).port));
process.once("SIGTERM", () => {
  closeSync(file);
  rmSync(directory, { recursive: true, force: true });
  process.exit(0);
});
