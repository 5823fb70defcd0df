import { parseArgs } from "node:util";
import { limits } from "./limits.ts";

/** What one metadata node is told when it starts. */
export type MetadataConfig = {
  id: number;
  dataDirectory: string;
  /** "host:port" the gRPC server binds; port 0 takes any. */
  listen: string;
  /** "host:port" of /livez and /readyz. */
  health: string;
  /** Member id to the "host:port" under which the others reach it; this node among them. */
  members: Map<number, string>;
  /** This node comes to a cluster that exists, and waits until it is added. */
  join?: boolean;
  history?: HistoryLimits;
  /** Left out: nobody looks how much room the disk has. */
  space?: SpaceLimits;
  /** Left out: nothing is read again in the background. */
  scrub?: ScrubLimits;
  /** File descriptor of a pipe whose end stops this process; null: none. */
  controlFd: number | null;
};

/** Bytes free on the file system of the data directory (RELIABILITY R-20). */
export type SpaceLimits = {
  /** Below: low. Clients' writes that make the tree larger are refused once no majority has more room. */
  lowBytes: number;
  /** Below: full. All writes of clients are refused once no majority has more room. */
  fullBytes: number;
  /** Kept back so that the store can be opened again on a full disk: LevelDB writes a new table and manifest then (RELIABILITY finding 3). */
  ballastBytes: number;
};

/** How the store is read again in the background (RELIABILITY L-24). */
export type ScrubLimits = {
  /** Between two passes. */
  pauseMs: number;
  bytesPerSecond: number;
};

const MIB = 1024 * 1024;

/** As long as a timer can wait. */
const scrubSecondsMax = 2_000_000;

export const defaultScrub: ScrubLimits = { pauseMs: 3_600_000, bytesPerSecond: 4 * MIB };

export const defaultSpace: SpaceLimits = { lowBytes: 128 * MIB, fullBytes: 32 * MIB, ballastBytes: 8 * MIB };

/** How much of the past can be read. A sixteenth more may stay; the limits of limits.ts hold besides. */
export type HistoryLimits = { revisionsMax: number; ageMsMax: number };

export const defaultHistory: HistoryLimits = { revisionsMax: 10_000, ageMsMax: 7 * 86_400_000 };

type Setting = { flag: string; environment: string; fallback: string | null; value: string; doc: string };

/** The one table: flags, environment, --help and docs come from it (DESIGN D11). */
export const settings: readonly Setting[] = [
  { flag: "id", environment: "METADATA_ID", fallback: null, value: "N", doc: "id of this node, one of --peers" },
  {
    flag: "data-dir",
    environment: "METADATA_DATA_DIR",
    fallback: null,
    value: "DIR",
    doc: "where log, tree and mark are kept",
  },
  {
    flag: "listen",
    environment: "METADATA_LISTEN",
    fallback: "127.0.0.1:2181",
    value: "HOST:PORT",
    doc: "gRPC for members, brokers and the CLI",
  },
  {
    flag: "health",
    environment: "METADATA_HEALTH",
    fallback: "127.0.0.1:8180",
    value: "HOST:PORT",
    doc: "HTTP /livez and /readyz",
  },
  {
    flag: "peers",
    environment: "METADATA_PEERS",
    fallback: null,
    value: "ID=HOST:PORT,…",
    doc: "all members of the quorum, this node among them",
  },
  {
    flag: "join",
    environment: "METADATA_JOIN",
    fallback: "false",
    value: "",
    doc: "found no cluster: wait for `meta members add`",
  },
  {
    flag: "history-revisions",
    environment: "METADATA_HISTORY_REVISIONS",
    fallback: String(defaultHistory.revisionsMax),
    value: "N",
    doc: "revisions that can be read back",
  },
  {
    flag: "history-minutes",
    environment: "METADATA_HISTORY_MINUTES",
    fallback: String(defaultHistory.ageMsMax / 60_000),
    value: "N",
    doc: "how long they can, at most",
  },
  {
    flag: "free-mib-low",
    environment: "METADATA_FREE_MIB_LOW",
    fallback: String(defaultSpace.lowBytes / MIB),
    value: "N",
    doc: "free disk space; when no majority has more, clients' writes that make the tree larger are refused",
  },
  {
    flag: "free-mib-min",
    environment: "METADATA_FREE_MIB_MIN",
    fallback: String(defaultSpace.fullBytes / MIB),
    value: "N",
    doc: "the same for all writes of clients",
  },
  {
    flag: "ballast-mib",
    environment: "METADATA_BALLAST_MIB",
    fallback: String(defaultSpace.ballastBytes / MIB),
    value: "N",
    doc: "kept back, to be able to start on a full disk",
  },
  {
    flag: "scrub-seconds",
    environment: "METADATA_SCRUB_SECONDS",
    fallback: String(defaultScrub.pauseMs / 1000),
    value: "N",
    doc: "between two readings of everything in the store, to find what has rotted",
  },
  {
    flag: "scrub-mib-per-second",
    environment: "METADATA_SCRUB_MIB_PER_SECOND",
    fallback: String(defaultScrub.bytesPerSecond / MIB),
    value: "N",
    doc: "how fast it reads",
  },
  {
    flag: "control-fd",
    environment: "METADATA_CONTROL_FD",
    fallback: "",
    value: "N",
    doc: "stop when this pipe closes",
  },
];

export function helpText(): string {
  const lines = settings.map(({ flag, environment, fallback, value, doc }) => {
    const rest = fallback ? `, default ${fallback}` : fallback === null ? ", required" : "";
    return `  ${`--${flag} ${value}`.padEnd(28)} ${doc} (${environment}${rest})`;
  });
  return ["One node of the Odradek coordination store.", "", ...lines, ""].join("\n");
}

/** Reads flags, then the environment, then defaults. Throws an Error that names the setting to correct. */
export function readConfig(args: string[], environment: NodeJS.ProcessEnv): MetadataConfig {
  const type = (value: string): "boolean" | "string" => (value === "" ? "boolean" : "string");
  const options = Object.fromEntries(settings.map(({ flag, value }) => [flag, { type: type(value) }]));
  const { values } = parseArgs({ args, options, strict: true });
  const read = (flag: string): string => {
    const setting = settings.find((each) => each.flag === flag)!;
    const given = values[flag] ?? environment[setting.environment] ?? setting.fallback;
    const value = typeof given === "boolean" ? String(given) : given;
    if (typeof value !== "string") throw new Error(`--${flag} (or ${setting.environment}) is missing`);
    return value;
  };
  const members = parseMembers(read("peers"));
  const id = parseNumber(read("id"), "--id");
  if (!members.has(id))
    throw new Error(`--peers does not name this node: ${id} is not in ${[...members.keys()].join(", ")}`);
  const controlFd = read("control-fd");
  return {
    id,
    members,
    join: parseFlag(read("join"), "--join"),
    dataDirectory: read("data-dir"),
    listen: checkAddress(read("listen"), "--listen"),
    health: checkAddress(read("health"), "--health"),
    history: {
      revisionsMax: parseWithin(read("history-revisions"), "--history-revisions", limits.historyRevisionsMax),
      ageMsMax: parseNumber(read("history-minutes"), "--history-minutes") * 60_000,
    },
    space: readSpace(read),
    scrub: {
      pauseMs: parseWithin(read("scrub-seconds"), "--scrub-seconds", scrubSecondsMax) * 1000,
      bytesPerSecond: parseNumber(read("scrub-mib-per-second"), "--scrub-mib-per-second") * MIB,
    },
    controlFd: controlFd === "" ? null : parseNumber(controlFd, "--control-fd"),
  };
}

function readSpace(read: (flag: string) => string): SpaceLimits {
  const bytesOf = (flag: string): number => parseNumber(read(flag), `--${flag}`) * MIB;
  const space = {
    lowBytes: bytesOf("free-mib-low"),
    fullBytes: bytesOf("free-mib-min"),
    ballastBytes: bytesOf("ballast-mib"),
  };
  if (space.fullBytes >= space.lowBytes) throw new Error("--free-mib-min must be less than --free-mib-low");
  return space;
}

/** "1=127.0.0.1:2181,2=…" */
export function parseMembers(text: string): Map<number, string> {
  const members = new Map<number, string>();
  for (const part of text.split(",")) {
    const [id = "", address = ""] = part.trim().split("=");
    const number = parseNumber(id, "--peers");
    if (members.has(number)) throw new Error(`--peers names member ${number} twice`);
    members.set(number, checkAddress(address, "--peers"));
  }
  return members;
}

/** "[::1]:80" → host "::1", port 80. */
export function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  return { host, port: Number(address.slice(colon + 1)) };
}

function parseFlag(text: string, flag: string): boolean {
  if (text !== "true" && text !== "false") throw new Error(`${flag}: "${text}" is neither true nor false`);
  return text === "true";
}

function parseWithin(text: string, flag: string, max: number): number {
  const number = parseNumber(text, flag);
  if (number > max) throw new Error(`${flag}: ${number} is more than ${max}`);
  return number;
}

function parseNumber(text: string, flag: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`${flag}: "${text}" is not a number from 1 on`);
  return Number(text);
}

/** Throws an Error that names the flag when it is no HOST:PORT. */
export function checkAddress(address: string, flag: string): string {
  const match = /^(\[[0-9a-fA-F:]+\]|[^:\s]+):(\d{1,5})$/.exec(address);
  if (!match || Number(match[2]) > 65_535) throw new Error(`${flag}: "${address}" is not HOST:PORT`);
  return address;
}
