import { parseArgs } from "node:util";
import { v8Flags } from "../v8-flags.ts";
import { formatAddress, parseAddress } from "./addresses.ts";
import { brokerConfigs } from "./broker-configs.ts";
import { ConfigError } from "./definition.ts";

/** What a broker's command line says. */
export type Flags = {
  readonly help: boolean;
  /** Path of a .properties file. */
  readonly configFile: string | null;
  /** A pipe from the starter: when it closes, the broker stops. */
  readonly controlFd: number | null;
  /** "name=value", ready for `readBrokerConfig`. */
  readonly settings: readonly string[];
};

const options = {
  help: { type: "boolean" },
  id: { type: "string" },
  "data-dir": { type: "string" },
  kafka: { type: "string", multiple: true },
  advertised: { type: "string", multiple: true },
  grpc: { type: "string" },
  "grpc-advertised": { type: "string" },
  http: { type: "string" },
  metadata: { type: "string" },
  rack: { type: "string" },
  config: { type: "string" },
  set: { type: "string", multiple: true },
  "control-fd": { type: "string" },
} as const;

/** Flags that are settings by another name. */
const settingOf = {
  id: "node.id",
  "data-dir": "log.dirs",
  grpc: "odradek.grpc.listener",
  "grpc-advertised": "odradek.grpc.advertised",
  http: "odradek.http.listener",
  metadata: "odradek.metadata.connect",
  rack: "broker.rack",
} as const;

/** Throws ConfigError with a sentence for the person who typed. */
export function readFlags(args: readonly string[]): Flags {
  const flags = parsed(args);
  const settings = Object.entries(settingOf).flatMap(([flag, setting]) => {
    const value = flags[flag as keyof typeof settingOf];
    return value === undefined ? [] : [`${setting}=${value}`];
  });
  const controlFd = flags["control-fd"];
  if (controlFd !== undefined && !/^\d+$/.test(controlFd))
    throw new ConfigError(`--control-fd ${controlFd}: expected a number`);
  return {
    help: flags.help ?? false,
    configFile: flags.config ?? null,
    controlFd: controlFd === undefined ? null : Number(controlFd),
    settings: [...settings, ...listenerSettings(flags.kafka, flags.advertised), ...(flags.set ?? [])],
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values;
  } catch (cause) {
    throw new ConfigError((cause as Error).message, { cause });
  }
}

/** Each --kafka is a listener of its own; each is advertised as the --advertised in its place, the last one for all that follow. */
function listenerSettings(kafka: readonly string[] = [], advertised: readonly string[] = []): string[] {
  if (kafka.length === 0) return advertised.length === 0 ? [] : [listed("advertised.listeners", advertised)];
  const told = kafka.map((_, index) => advertised[index] ?? advertised.at(-1));
  const settings = [listed("listeners", kafka)];
  if (advertised.length > 0) settings.push(listed("advertised.listeners", told as string[]));
  return settings;
}

const listed = (setting: string, addresses: readonly string[]): string => {
  const named = addresses.map((text, index) => {
    const name = index === 0 ? "PLAINTEXT" : `PLAINTEXT_${index + 1}`;
    return `${name}://${formatAddress(parseAddress(setting, text))}`;
  });
  return `${setting}=${named.join(",")}`;
};

/** `--help`: the flags, and every setting with its default. */
export function helpText(): string {
  const settings = brokerConfigs.map(({ name, default: fallback, doc }) => `  ${name}=${fallback ?? ""}\n      ${doc}`);
  return `Usage: node ${v8Flags.join(" ")} main.ts [flags]

  --id N                     number of this broker
  --data-dir DIR             where partitions are kept
  --kafka HOST:PORT          where clients connect; may be given several times; port 0: any
  --advertised HOST:PORT     what clients are told, one per --kafka; the last one for all that follow
  --grpc HOST:PORT           where other brokers replicate from
  --grpc-advertised HOST:PORT
  --http HOST:PORT           /livez and /readyz
  --metadata ID=HOST:PORT,…  members of the coordination store
  --rack NAME
  --config FILE              settings as a .properties file
  --set NAME=VALUE           one setting; may be given several times
  --control-fd N             stop when this pipe closes
  --help

Flags win over the environment (KAFKA_LOG_RETENTION_MS=…), which wins over the file. Settings:
${settings.join("\n")}
`;
}
