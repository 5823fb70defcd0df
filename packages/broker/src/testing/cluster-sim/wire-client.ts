import type { Connection, Net } from "@odradek/kit";
import type { ProcessClock } from "@odradek/kit/simulation";
import {
  type AnyApi,
  frame,
  Framer,
  Reader,
  readResponseHeader,
  type RequestDraft,
  type ResponseOf,
  writeRequestHeader,
  Writer,
} from "@odradek/protocol";

type Pending = { api: AnyApi; version: number; resolve: (response: unknown) => void; reject: (error: Error) => void };

/** One connection of a client that is as simple as the protocol lets it be: requests out, answers in order. */
export class WireClient {
  onClosed: () => void = () => {};
  readonly #clock: ProcessClock;
  readonly #connection: Connection;
  readonly #pending: Pending[] = [];
  #correlationId = 0;
  #isClosed = false;

  private constructor(clock: ProcessClock, connection: Connection) {
    this.#clock = clock;
    this.#connection = connection;
    connection.onClosed = () => this.close();
  }

  static async open(
    { clock, net }: { clock: ProcessClock; net: Net },
    address: { host: string; port: number },
    timeoutMs: number,
  ): Promise<WireClient> {
    const framer = new Framer();
    const room = Buffer.alloc(16 * 1024);
    let client: WireClient | null = null;
    const filled = (bytes: number): void => {
      for (const body of framer.push(Buffer.from(room.subarray(0, bytes)))) client!.#receive(body);
    };
    const connection = await net.connect(address, () => ({ room: () => room, filled }), { timeoutMs });
    client = new WireClient(clock, connection);
    return client;
  }

  get isOpen(): boolean {
    return !this.#isClosed;
  }

  /** Rejects when the connection breaks, or no answer comes within `timeoutMs`: then it is closed, for answers come in order. */
  send<A extends AnyApi>(api: A, version: number, request: RequestDraft<A>, timeoutMs: number): Promise<ResponseOf<A>> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(new Error("closed"));
      const w = new Writer();
      const correlationId = this.#correlationId++;
      writeRequestHeader(w, { apiKey: api.key, apiVersion: version, correlationId, clientId: "sim" });
      api.writeRequest(w, version, request);
      const cancel = this.#clock.timer(timeoutMs, () => this.close());
      this.#pending.push({
        api,
        version,
        resolve: (response) => {
          cancel();
          resolve(response as ResponseOf<A>);
        },
        reject: (error) => {
          cancel();
          reject(error);
        },
      });
      this.#connection.write(frame(w.finish()));
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#connection.destroy();
    for (const pending of this.#pending.splice(0)) pending.reject(new Error("the connection is gone"));
    this.onClosed();
  }

  #receive(body: Buffer): void {
    const pending = this.#pending.shift();
    if (pending === undefined) return;
    const { api, version } = pending;
    const reader = new Reader(body);
    readResponseHeader(reader, api.key, version);
    pending.resolve(api.readResponse(reader, version));
  }
}
