import type { Cancel, Clock, Connection } from "@odradek/kit";
import {
  ApiVersionsApi,
  type AnyApi,
  ApiKey,
  apiName,
  ErrorCode,
  frame,
  Reader,
  readResponseHeader,
  type RequestDraft,
  type ResponseOf,
  writeRequestHeader,
  Writer,
} from "@odradek/protocol";
import { ConnectError, DeadlineError, KafkaError, UnsupportedVersionError } from "../errors.ts";
import { type Address, type ClusterSettings, formatAddress } from "./options.ts";
import { FrameSink } from "./slab.ts";

const PACKAGE_VERSION = "0.1.0";
/** Newest ApiVersions version that every broker either speaks or refuses in a way we understand. */
const API_VERSIONS_FIRST_TRY = 3;

/** A request that has waited this long is worth a word to whoever wants to hear of trouble. */
const LATE_MS = 2_000;

type Pending = {
  readonly key: number;
  read(reader: Reader): void;
  fail(error: Error): void;
  readonly cancel: Cancel;
};

type Range = { readonly minVersion: number; readonly maxVersion: number };

/** Newest versions in which this client says topics by name; the next one has ids only (KIP-516). */
const newestByName: ReadonlyMap<number, number> = new Map([
  [ApiKey.OffsetCommit, 9],
  [ApiKey.OffsetFetch, 9],
]);

/** A request, or how to say it in the version agreed on. */
export type Said<A extends AnyApi> = RequestDraft<A> | ((version: number) => RequestDraft<A>);

/**
 * One connection to one broker. Requests are pipelined and matched by correlation id; each has a deadline, and one that misses
 * it takes the connection with it: brokers answer in order, so nothing behind it would be answered either.
 */
export class BrokerConnection implements AsyncDisposable {
  readonly address: string;
  readonly #settings: ClusterSettings;
  readonly #clock: Clock;
  readonly #pending = new Map<number, Pending>();
  #stream: Connection | null = null;
  #ranges: ReadonlyMap<number, Range> = new Map();
  #correlationId = 0;
  #closed: Error | null = null;

  private constructor(address: Address, settings: ClusterSettings) {
    this.address = formatAddress(address);
    this.#settings = settings;
    this.#clock = settings.ports.clock;
  }

  /** Connects and agrees on versions. Rejects with a ConnectError that names the hop. */
  static async open(address: Address, settings: ClusterSettings): Promise<BrokerConnection> {
    const it = new BrokerConnection(address, settings);
    await it.#dial(address, settings);
    try {
      await it.#negotiate(settings.connectTimeoutMs);
    } catch (cause) {
      it.close();
      throw new ConnectError(
        "api versions",
        it.address,
        `${it.address} accepted the connection but not ApiVersions: ${textOf(cause)}`,
        { cause },
      );
    }
    return it;
  }

  get isOpen(): boolean {
    return this.#closed === null;
  }

  /** Whether the broker and we share a version of the API. */
  supports(api: AnyApi): boolean {
    return this.#commonVersion(api) !== null;
  }

  /** Sends a request and resolves with its response. Rejects with ConnectError, DeadlineError or UnsupportedVersionError. */
  send<A extends AnyApi>(api: A, request: Said<A>, timeoutMs: number, versionMax = Infinity): Promise<ResponseOf<A>> {
    const version = this.#commonVersion(api, versionMax);
    if (version === null)
      return Promise.reject(
        new UnsupportedVersionError(`${this.address} has no version of ${api.name} that this client speaks`),
      );
    return this.#call(api, version, request, timeoutMs, (r) => api.readResponse(r, version) as ResponseOf<A>);
  }

  /** Sends a request that gets no answer (Produce with acks 0). Resolves once the bytes have left. */
  async sendUnanswered<A extends AnyApi>(api: A, request: Said<A>, versionMax = Infinity): Promise<void> {
    const version = this.#commonVersion(api, versionMax);
    if (version === null)
      throw new UnsupportedVersionError(`${this.address} has no version of ${api.name} that this client speaks`);
    if (this.#stream === null || this.#closed !== null) throw this.#closedError();
    const buffers = this.#encode(api, version, request, this.#correlationId++ & 0x7fff_ffff);
    const stream = this.#stream;
    await new Promise<void>((resolve) => stream.write(buffers, resolve));
  }

  /** What is under way fails with `why`. */
  close(why = "this client is closed"): void {
    this.#fail(new Error(why));
    this.#stream?.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  async #dial(address: Address, settings: ClusterSettings): Promise<void> {
    const sink = new FrameSink((body) => this.#receive(body));
    const guarded = {
      room: () => sink.room(),
      filled: (bytes: number) => {
        try {
          sink.filled(bytes);
        } catch (error) {
          this.#fail(error as Error);
          this.#stream?.destroy();
        }
      },
    };
    try {
      this.#stream = await settings.ports.net.connect(address, () => guarded, { timeoutMs: settings.connectTimeoutMs });
    } catch (cause) {
      const hop = /name lookup/.test(textOf(cause)) ? "name lookup" : "tcp";
      throw new ConnectError(hop, this.address, textOf(cause), { cause });
    }
    this.#stream.onClosed = (error) => this.#fail(error);
  }

  async #negotiate(timeoutMs: number): Promise<void> {
    const software = { clientSoftwareName: "odradek", clientSoftwareVersion: PACKAGE_VERSION };
    const ask = (version: number): Promise<ResponseOf<typeof ApiVersionsApi>> =>
      this.#call(ApiVersionsApi, version, software, timeoutMs, (r) => {
        // A refusal comes in v0 format, whatever was asked for.
        const isRefusal = r.buffer.readInt16BE(r.offset) === ErrorCode.UNSUPPORTED_VERSION;
        return ApiVersionsApi.readResponse(r, isRefusal ? 0 : version);
      });
    let answer = await ask(API_VERSIONS_FIRST_TRY);
    if (answer.errorCode === ErrorCode.UNSUPPORTED_VERSION) {
      const offered = answer.apiKeys.find(({ apiKey }) => apiKey === ApiVersionsApi.key)?.maxVersion ?? 0;
      answer = await ask(Math.min(offered, API_VERSIONS_FIRST_TRY - 1));
    }
    if (answer.errorCode !== 0) throw new KafkaError(answer.errorCode, "ApiVersions");
    this.#ranges = new Map(
      answer.apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, { minVersion, maxVersion }]),
    );
  }

  #commonVersion(api: AnyApi, versionMax = Infinity): number | null {
    const range = this.#ranges.get(api.key);
    if (range === undefined) return null;
    const version = Math.min(range.maxVersion, newestByName.get(api.key) ?? api.versions[1], versionMax);
    return version >= Math.max(range.minVersion, api.versions[0]) ? version : null;
  }

  #encode<A extends AnyApi>(api: A, apiVersion: number, request: Said<A>, correlationId: number): Buffer[] {
    const w = new Writer();
    writeRequestHeader(w, { apiKey: api.key, apiVersion, correlationId, clientId: this.#settings.clientId });
    // oxlint-disable-next-line typescript/no-unnecessary-type-assertion -- tsc can't call a generic union
    const say = typeof request === "function" ? (request as (version: number) => RequestDraft<A>) : null;
    api.writeRequest(w, apiVersion, say === null ? request : say(apiVersion));
    return frame(w.finish());
  }

  #call<A extends AnyApi, T>(
    api: A,
    version: number,
    request: Said<A>,
    timeoutMs: number,
    decode: (r: Reader) => T,
  ): Promise<T> {
    const stream = this.#stream;
    if (stream === null || this.#closed !== null) return Promise.reject(this.#closedError());
    const correlationId = this.#correlationId++ & 0x7fff_ffff;
    const buffers = this.#encode(api, version, request, correlationId);
    return new Promise((resolve, reject) => {
      const endWait = this.#clock.timer(timeoutMs, () => {
        this.#fail(new DeadlineError(`${this.address} did not answer ${api.name} within ${timeoutMs} ms`));
        stream.destroy();
      });
      const endPatience = this.#tellWhenLate(api.name, timeoutMs);
      const cancel = (): void => {
        endWait();
        endPatience();
      };
      const read = (r: Reader): void => {
        readResponseHeader(r, api.key, version);
        resolve(decode(r));
      };
      this.#pending.set(correlationId, { key: api.key, read, fail: reject, cancel });
      stream.write(buffers);
    });
  }

  /** Who gives a request more than the usual time expects it to wait so much longer: a fetch for records, a join for members. */
  #tellWhenLate(asked: string, timeoutMs: number): Cancel {
    const { onTrouble, requestTimeoutMs, connectTimeoutMs } = this.#settings;
    const lateMs = LATE_MS + Math.max(0, timeoutMs - Math.max(requestTimeoutMs, connectTimeoutMs));
    if (onTrouble === null || lateMs >= timeoutMs) return () => undefined;
    return this.#clock.timer(lateMs, () =>
      onTrouble(new DeadlineError(`${this.address} has not answered ${asked} for ${lateMs} ms`)),
    );
  }

  /** Throws ProtocolError, which closes the connection. */
  #receive(body: Buffer): void {
    const correlationId = new Reader(body).int32();
    const pending = this.#pending.get(correlationId);
    if (pending === undefined) return;
    this.#pending.delete(correlationId);
    pending.cancel();
    try {
      pending.read(new Reader(body));
    } catch (cause) {
      const error = new Error(`${this.address}: malformed answer to ${apiName(pending.key)}: ${textOf(cause)}`, {
        cause,
      });
      pending.fail(error);
      throw error;
    }
  }

  #fail(cause: Error | null): void {
    if (this.#closed !== null) return;
    this.#closed = cause ?? new Error("the broker closed it");
    const error = cause instanceof DeadlineError ? cause : this.#closedError();
    for (const pending of this.#pending.values()) {
      pending.cancel();
      pending.fail(error);
    }
    this.#pending.clear();
  }

  #closedError(): ConnectError {
    const cause = this.#closed;
    return new ConnectError(
      "closed",
      this.address,
      `the connection to ${this.address} is closed: ${cause === null ? "it was never open" : cause.message}`,
      { cause },
    );
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
