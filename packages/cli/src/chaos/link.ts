import type { Random } from "@odradek/kit";
import { createConnection, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { once } from "node:events";

/** How bytes travel from one node to another. */
export type Weather = {
  /** Nothing arrives, and nothing tells the sender: as when packets are lost. What waits leaves when this ends. */
  readonly isCut: boolean;
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly bytesPerSecond: number;
};

/** The weather of each direction of a link, and where its jitter comes from. */
export type Climate = { readonly there: () => Weather; readonly back: () => Weather; readonly random: Random };

export const fair: Weather = { isCut: false, delayMs: 0, jitterMs: 0, bytesPerSecond: Infinity };

/** A sender that has so much on the way is held back, as by a TCP window. */
const waitingBytesMax = 1024 * 1024;
/** Cut and open again is noticed this late at most. */
const lookMs = 20;

type Parcel = { readonly bytes: Buffer | "end"; readonly dueMs: number };

/** One direction of one connection: what comes out of `from` goes into `to`, in order, as the weather allows. */
class Direction {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #weather: () => Weather;
  readonly #random: Random;
  #waiting: Parcel[] = [];
  #waitingBytes = 0;
  #lastDueMs = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(from: Socket, to: Socket, { weather, random }: { weather: () => Weather; random: Random }) {
    this.#from = from;
    this.#to = to;
    this.#weather = weather;
    this.#random = random;
    from.on("data", (bytes: Buffer) => this.#take(bytes));
    // Also of a broken connection the other end hears only what gets through.
    from.on("close", () => this.#take("end"));
    from.on("error", () => from.destroy());
    to.on("drain", () => this.#deliver());
  }

  #take(bytes: Buffer | "end"): void {
    const { delayMs, jitterMs, bytesPerSecond } = this.#weather();
    const length = bytes === "end" ? 0 : bytes.length;
    const now = performance.now();
    const travelMs = delayMs + jitterMs * this.#random.next() + (length * 1000) / bytesPerSecond;
    const dueMs = Math.max(now + travelMs, this.#lastDueMs + (length * 1000) / bytesPerSecond);
    this.#lastDueMs = dueMs;
    this.#waiting.push({ bytes, dueMs });
    this.#waitingBytes += length;
    if (this.#waitingBytes > waitingBytesMax) this.#from.pause();
    this.#deliver();
  }

  #deliver(): void {
    if (this.#timer !== null) return;
    for (let next = this.#waiting[0]; next !== undefined && !this.#to.writableNeedDrain; next = this.#waiting[0]) {
      const waitMs = this.#weather().isCut ? lookMs : next.dueMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => {
          this.#timer = null;
          this.#deliver();
        }, waitMs);
        return;
      }
      this.#waiting.shift();
      if (next.bytes === "end") this.#to.destroySoon(); // what was passed on before may still wait in it
      else {
        this.#waitingBytes -= next.bytes.length;
        this.#to.write(next.bytes);
      }
    }
    if (this.#waitingBytes <= waitingBytesMax && this.#from.isPaused()) this.#from.resume();
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#waiting = [];
  }
}

/** What one node dials to reach another: every connection is passed on, both ways under their own weather. */
export class Link {
  readonly #server: Server;
  readonly #directions = new Set<Direction>();
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Listens on a free port of 127.0.0.1. */
  static async open(port: number, climate: Climate): Promise<Link> {
    const server = createServer({ noDelay: true });
    const link = new Link(server);
    server.on("connection", (socket) => link.#pass(socket, port, climate));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return link;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
    for (const direction of this.#directions) direction.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #pass(dialler: Socket, port: number, { there, back, random }: Climate): void {
    const target = createConnection({ port, host: "127.0.0.1", noDelay: true });
    const directions = [
      new Direction(dialler, target, { weather: there, random }),
      new Direction(target, dialler, { weather: back, random }),
    ];
    for (const direction of directions) this.#directions.add(direction);
    for (const socket of [dialler, target]) {
      this.#sockets.add(socket);
      socket.on("close", () => {
        this.#sockets.delete(socket);
        if (this.#sockets.has(dialler) || this.#sockets.has(target)) return;
        for (const direction of directions) {
          direction.close();
          this.#directions.delete(direction);
        }
      });
    }
  }
}
