import { delay, type Clock, type Listener, type Logger, type Net } from "@odradek/kit";
import type { Handler, Parts } from "../api/handler.ts";
import type { Census } from "./census.ts";
import { KafkaConnection } from "./connection.ts";
import { serverLimits } from "./limits.ts";
import type { Refusals } from "./refusals.ts";
import type { Slabs } from "./slabs.ts";

export type ListenerOptions = {
  /** Answers name addresses of this listener only. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly parts: Parts;
  readonly handlerFor: (apiKey: number, apiVersion: number) => Handler | undefined;
  readonly slabs: Slabs;
  readonly census: Census;
  readonly refusals: Refusals;
  readonly net: Net;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Kafka's `socket.request.max.bytes`. */
  readonly frameBytesMax: number;
  /** Requests of one connection under way at once. */
  readonly requestsInFlightMax: number;
  /** Kafka's `connections.max.idle.ms`. */
  readonly idleMsMax: number;
};

/** One address where Kafka clients connect, with the connections that came in on it. */
export class KafkaListener {
  readonly name: string;
  readonly #options: ListenerOptions;
  readonly #connections = new Set<KafkaConnection>();
  #listener: Listener | null = null;
  #isServing = false;
  #cancelSweep = (): void => {};

  private constructor(options: ListenerOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** Takes the address, and turns connections away until `serve`. Rejects when the address is taken. */
  static async open(options: ListenerOptions): Promise<KafkaListener> {
    const listener = new KafkaListener(options);
    await listener.#listen();
    return listener;
  }

  get port(): number {
    return this.#listener?.port ?? 0;
  }

  get connections(): number {
    return this.#connections.size;
  }

  serve(): void {
    this.#isServing = true;
  }

  /** Stops accepting, lets requests under way finish for a moment, then closes every connection. */
  async close(): Promise<void> {
    this.#cancelSweep();
    await this.#listener?.close();
    const { clock } = this.#options;
    const until = clock.now() + serverLimits.closeGraceMs;
    for (const connection of this.#connections) if (connection.isIdle) connection.end();
    while (this.#connections.size > 0 && clock.now() < until) {
      await delay(clock, 10);
      for (const connection of this.#connections) if (connection.isIdle) connection.end();
    }
    for (const connection of this.#connections) connection.close();
  }

  async #listen(): Promise<void> {
    const { net, name: listener, census, refusals, ...shared } = this.#options;
    const address = { host: shared.host, port: shared.port };
    this.#listener = await net.listen(address, (socket) => {
      const { remoteAddress } = socket;
      const isWelcome = census.enter(remoteAddress);
      if (!isWelcome) refusals.refused(remoteAddress, census.count);
      const onClosed = (closed: KafkaConnection): void => {
        this.#connections.delete(closed);
        if (isWelcome) census.leave(remoteAddress);
      };
      const connection = new KafkaConnection(socket, { ...shared, listener, onClosed });
      this.#connections.add(connection);
      if (!isWelcome || !this.#isServing) connection.close();
      return connection;
    });
    this.#sweep();
  }

  /** Closes connections on which nothing has moved for too long, never-reading ones included (RELIABILITY K-09, N-07). */
  #sweep(): void {
    const { clock, idleMsMax } = this.#options;
    this.#cancelSweep = clock.timer(Math.min(idleMsMax, 10_000), () => {
      const oldest = clock.now() - idleMsMax;
      for (const connection of this.#connections) if (connection.activeAt < oldest) connection.close();
      this.#sweep();
    });
  }
}
