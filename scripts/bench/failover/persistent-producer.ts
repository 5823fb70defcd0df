import { connect, type Socket } from "node:net";
import { setTimeout as elapsed } from "node:timers/promises";
import { nextFrame } from "@odradek/protocol";
import { ProduceApi } from "@odradek/protocol/messages/produce";
import { type Address, readResponse } from "../wire.ts";

/** Between attempts, and between writes that succeed: a gap is known to so much. */
const PAUSE_MS = 10;
/** Nothing here takes longer; a broker that was killed closes its connections. */
const ANSWER_MS_MAX = 60_000;

/**
 * Writes to all partitions through every broker at once, whether it leads them or not, so that the first one that takes a write is noticed
 * at once: no client is in the way of what is measured. Whoever has to find the new leader waits longer.
 */
export class PersistentProducer {
  /** These partitions have acknowledged a write that was begun at `begunMs`. */
  onTaken: (partitions: readonly number[], begunMs: number) => void = () => {};
  readonly #request: Buffer;
  readonly #loops: Promise<void>[];
  readonly #sockets = new Set<Socket>();
  #isOver = false;

  /** `request`: a produce request of version 9, with its length before it. */
  constructor(brokers: readonly Address[], request: Buffer) {
    this.#request = request;
    this.#loops = brokers.map((broker) => this.#write(broker));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#loops);
  }

  async #write(broker: Address): Promise<void> {
    while (!this.#isOver) {
      const socket = connect(broker).setNoDelay(true).setTimeout(ANSWER_MS_MAX);
      this.#sockets.add(socket);
      try {
        await this.#writeThrough(socket);
      } catch {
        await elapsed(PAUSE_MS); // dead, or not there yet
      } finally {
        this.#sockets.delete(socket);
        socket.destroy();
      }
    }
  }

  async #writeThrough(socket: Socket): Promise<void> {
    while (!this.#isOver) {
      const begunMs = performance.now();
      const { responses } = readResponse(ProduceApi, 9, await this.#answer(socket));
      const taken = responses.flatMap(({ partitionResponses }) =>
        partitionResponses.flatMap(({ index, errorCode }) => (errorCode === 0 ? [index] : [])),
      );
      if (taken.length > 0) this.onTaken(taken, begunMs);
      await elapsed(PAUSE_MS);
    }
  }

  #answer(socket: Socket): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      let bytes = Buffer.alloc(0);
      const fail = (): void => reject(new Error("the connection is gone"));
      const take = (chunk: Buffer): void => {
        bytes = Buffer.concat([bytes, chunk]);
        const body = nextFrame(bytes, 0, bytes.length);
        if (body === null) return;
        socket.off("data", take);
        resolve(body);
      };
      socket.removeAllListeners();
      socket.on("data", take).once("error", fail).once("close", fail).once("timeout", fail);
      socket.write(this.#request);
    });
  }
}
