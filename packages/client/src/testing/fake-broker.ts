import { type Connection, type Listener, NodeNet, type Sink } from "@odradek/kit";
import {
  type AnyApi,
  type Api,
  apis,
  ApiVersionsApi,
  frame,
  MetadataApi,
  Reader,
  readRequestHeader,
  type RequestOf,
  type ResponseDraft,
  writeResponseHeader,
  Writer,
} from "@odradek/protocol";
import { FrameSink } from "../cluster/slab.ts";

/** No answer at all, or none but a closed connection. */
export const SILENCE = Symbol("silence");
export const HANG_UP = Symbol("hang up");

// oxlint-disable-next-line typescript/no-explicit-any -- handlers of all APIs stand in one map
type Handler = (request: any, version: number) => any;

/**
 * A broker of which a test says every word: it speaks the real protocol on a real port, answers ApiVersions and Metadata (itself,
 * leading `partitions` of every topic), and what `on` says. It keeps what it was asked.
 */
export class FakeBroker implements AsyncDisposable {
  readonly id: number;
  readonly asked: { readonly api: string; readonly version: number; readonly request: unknown }[] = [];
  readonly #handlers = new Map<number, Handler>();
  readonly #connections = new Set<Connection>();
  #listener: Listener | null = null;

  private constructor(id: number) {
    this.id = id;
  }

  static async start(
    options: { id?: number; partitions?: number; versions?: ReadonlyMap<number, readonly [number, number]> } = {},
  ): Promise<FakeBroker> {
    const broker = new FakeBroker(options.id ?? 1);
    const apiKeys = [...apis.values()].map(({ key, versions }) => {
      const [minVersion, maxVersion] = options.versions?.get(key) ?? versions;
      return { apiKey: key, minVersion, maxVersion };
    });
    broker.on(ApiVersionsApi, () => ({ errorCode: 0, apiKeys }));
    broker.on(MetadataApi, ({ topics }) => ({
      brokers: [{ nodeId: broker.id, host: "127.0.0.1", port: broker.port }],
      controllerId: broker.id,
      topics: (topics ?? []).map(({ name }) => ({
        errorCode: 0,
        name,
        partitions: Array.from({ length: options.partitions ?? 1 }, (_, partitionIndex) => ({
          errorCode: 0,
          partitionIndex,
          leaderId: broker.id,
          replicaNodes: [broker.id],
          isrNodes: [broker.id],
        })),
      })),
    }));
    broker.#listener = await new NodeNet().listen({ host: "127.0.0.1", port: 0 }, (connection) =>
      broker.#accept(connection),
    );
    return broker;
  }

  get port(): number {
    return this.#listener!.port;
  }

  get bootstrap(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** From now on answers the API so. A handler may return a promise, SILENCE or HANG_UP. */
  on<Q, QD, S, SD>(
    api: Api<Q, QD, S, SD>,
    handler: (
      request: Q,
      version: number,
    ) => SD | typeof SILENCE | typeof HANG_UP | Promise<SD | typeof SILENCE | typeof HANG_UP>,
  ): void {
    this.#handlers.set(api.key, handler);
  }

  /** What it was asked of this API. */
  requests<A extends AnyApi>(api: A): RequestOf<A>[] {
    return this.asked.filter((one) => one.api === api.name).map(({ request }) => request as RequestOf<A>);
  }

  hangUp(): void {
    for (const connection of this.#connections) connection.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hangUp();
    await this.#listener!.close();
  }

  #accept(connection: Connection): Sink {
    this.#connections.add(connection);
    connection.onClosed = () => this.#connections.delete(connection);
    return new FrameSink((body) => void this.#serve(connection, body));
  }

  async #serve(connection: Connection, body: Buffer): Promise<void> {
    const r = new Reader(body);
    const { apiKey, apiVersion, correlationId } = readRequestHeader(r);
    const api = apis.get(apiKey)!;
    const request: unknown = api.readRequest(r, apiVersion);
    this.asked.push({ api: api.name, version: apiVersion, request });
    const answer: unknown = await this.#handlers.get(apiKey)?.(request, apiVersion);
    if (answer === SILENCE) return;
    if (answer === HANG_UP || answer === undefined) return connection.destroy();
    const w = new Writer();
    // A refused ApiVersions is answered in v0 format.
    const isRefusal = apiKey === ApiVersionsApi.key && (answer as { errorCode: number }).errorCode !== 0;
    writeResponseHeader(w, apiKey, apiVersion, correlationId);
    api.writeResponse(w, isRefusal ? 0 : apiVersion, answer as ResponseDraft<AnyApi>);
    connection.write(frame(w.finish()));
  }
}
