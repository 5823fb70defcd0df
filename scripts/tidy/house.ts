// Who may know whom: THINK before changing this file. A new arrow here is an arrow in everybody's head.

export type PackageRules = {
  /** Packages, ours and others', that its files may import; tests may import more. */
  imports: readonly string[];
};

const kit = "@odradek/kit";
const rpc = "@odradek/rpc";
const protocol = "@odradek/protocol";
const client = "@odradek/client";
const metadataClient = "@odradek/metadata/client";
const metadataOffline = "@odradek/metadata/offline";
const metadataFlags = "@odradek/metadata/v8-flags";

export const packages: Record<string, PackageRules> = {
  kit: { imports: [] },
  rpc: { imports: [kit, "@grpc/grpc-js", "@grpc/proto-loader"] },
  protocol: { imports: [kit, "@node-rs/crc32", "snappy"] },
  metadata: { imports: [kit, rpc, "level", "pino"] },
  broker: { imports: [kit, rpc, protocol, metadataClient, "@node-rs/crc32", "level", "pino"] },
  client: { imports: [kit, protocol] },
  cli: {
    imports: [kit, rpc, protocol, client, metadataClient, metadataOffline, metadataFlags, "@odradek/broker", "yargs"],
  },
  testkit: { imports: [kit, client, "@odradek/metadata/node", "@odradek/broker"] },
};

/** The rooms of a package from the street down: a file imports its own room and those further down the list. */
export const rooms: Record<string, readonly string[]> = {
  protocol: [
    ...["index.ts", "frame.ts", "header.ts", "messages", "records", "schema"],
    ...["api-keys.ts", "errors.ts", "murmur2.ts", "bytes"],
  ],
  metadata: [
    ...["main.ts", "process.ts", "lives.ts", "node.ts", "api", "offline", "raft", "tree", "peers", "store", "client"],
    ...["config.ts", "limits.ts", "v8-flags.ts"],
  ],
  broker: [
    ...["main.ts", "process.ts", "broker.ts", "server", "api", "coordinator", "controller", "cluster"],
    ...["replica", "dump", "partition", "compaction", "log", "segment", "disk", "config.ts", "config", "limits.ts"],
    ...["v8-flags.ts"],
  ],
  client: ["index.ts", "admin", "consumer", "producer", "cluster", "errors.ts", "history"],
  testkit: ["index.ts", "cluster.ts", "broker.ts", "store.ts", "life.ts", "alive.ts", "options.ts"],
  cli: ["main.ts", "command-line.ts", "commands", "chaos", "kafka", "meta", "dev", "terminal"],
};

/** Every index.ts that a manifest names as an entry; no other may exist. */
export const entries: readonly string[] = [
  "packages/kit/src/index.ts",
  "packages/kit/src/testing/index.ts",
  "packages/kit/src/testing/simulation/index.ts",
  "packages/rpc/src/index.ts",
  "packages/protocol/src/index.ts",
  "packages/metadata/src/client/index.ts",
  "packages/metadata/src/offline/index.ts",
  "packages/metadata/src/testing/index.ts",
  "packages/client/src/index.ts",
  "packages/testkit/src/index.ts",
];

/** Files and folders that are a port's implementation or a process's edge: here the outside world may be touched. */
export const edges: readonly string[] = [
  "odradek.js",
  "vitest.config.ts",
  "scripts/",
  "deploy/",
  "packages/cli/",
  "packages/kit/src/clock.ts",
  "packages/kit/src/random.ts",
  "packages/kit/src/descriptors.ts",
  "packages/kit/src/node-file.ts",
  "packages/kit/src/node-files.ts",
  "packages/kit/src/open-files.ts",
  "packages/kit/src/node-net.ts",
  "packages/kit/src/surroundings.ts",
  // The whole package is one port on grpc-js.
  "packages/rpc/",
  "packages/broker/src/main.ts",
  "packages/broker/src/process.ts",
  "packages/metadata/src/main.ts",
  "packages/metadata/src/process.ts",
];

/** One more door each, with its reason. */
export const doors: Readonly<Record<string, readonly string[]>> = {
  // /metrics, /livez and /readyz: HTTP is spoken by node:http, which brings its own sockets.
  "packages/broker/src/server/http.ts": ["node:http"],
  "packages/metadata/src/api/health.ts": ["node:http"],
  // Reads the configuration file that main.ts was told of.
  "packages/broker/src/config/sources.ts": ["node:fs"],
};
