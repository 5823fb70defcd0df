import { type Clock, type Net, NodeNet, type Random, SystemClock, SystemRandom } from "@odradek/kit";

/** What producer, consumer and admin have in common. Times are milliseconds. */
export type ClusterOptions = {
  /** `"host:port,host:port"` or a list of such. */
  readonly bootstrap: string | readonly string[];
  /** What brokers log and quotas go by. */
  readonly clientId?: string;
  /** Name lookup, TCP and ApiVersions of one broker. */
  readonly connectTimeoutMs?: number;
  /** One request to one broker. */
  readonly requestTimeoutMs?: number;
  /** One call of this library with all its retries. */
  readonly operationTimeoutMs?: number;
  /** The wait before a second attempt; it doubles with every further one (KIP-580), give or take a fifth. */
  readonly retryBackoffMs?: number;
  readonly retryBackoffMsMax?: number;
  readonly metadataAgeMsMax?: number;
  /** Told of every failure that is tried again, and of every answer that is late but not yet given up: for a log. */
  readonly onTrouble?: (error: Error) => void;
  /** Ports, for tests and simulations. */
  readonly ports?: Partial<Ports>;
};

export type Ports = { readonly clock: Clock; readonly net: Net; readonly random: Random };

export type Address = { readonly host: string; readonly port: number };

export type ClusterSettings = {
  readonly bootstrap: readonly Address[];
  readonly clientId: string;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly operationTimeoutMs: number;
  readonly retryBackoffMs: number;
  readonly retryBackoffMsMax: number;
  readonly metadataAgeMsMax: number;
  readonly onTrouble: ((error: Error) => void) | null;
  readonly ports: Ports;
};

const DEFAULT_PORT = 9092;

export const formatAddress = ({ host, port }: Address): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;

/** Accepts host, host:port and [ipv6]:port. Throws RangeError on anything else. */
export function parseAddress(text: string): Address {
  const match = /^(?:\[([^\]]+)\]|([^:\s]+))(?::(\d{1,5}))?$/.exec(text.trim());
  const port = Number(match?.[3] ?? DEFAULT_PORT);
  if (match === null || port < 1 || port > 65_535) throw new RangeError(`"${text}" is no host:port`);
  return { host: (match[1] ?? match[2])!, port };
}

/** All options with their defaults. Throws RangeError when there is no usable bootstrap address. */
export function settingsOf(options: ClusterOptions): ClusterSettings {
  const texts = typeof options.bootstrap === "string" ? options.bootstrap.split(",") : options.bootstrap;
  const bootstrap = texts.filter((text) => text.trim() !== "").map(parseAddress);
  if (bootstrap.length === 0) throw new RangeError("no bootstrap address");
  return {
    bootstrap,
    clientId: options.clientId ?? "odradek",
    connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
    requestTimeoutMs: options.requestTimeoutMs ?? 30_000,
    operationTimeoutMs: options.operationTimeoutMs ?? 60_000,
    retryBackoffMs: options.retryBackoffMs ?? 50,
    retryBackoffMsMax: options.retryBackoffMsMax ?? 1_000,
    metadataAgeMsMax: options.metadataAgeMsMax ?? 300_000,
    onTrouble: options.onTrouble ?? null,
    ports: {
      clock: options.ports?.clock ?? new SystemClock({ keepsAlive: true }),
      net: options.ports?.net ?? new NodeNet(),
      random: options.ports?.random ?? new SystemRandom(),
    },
  };
}
