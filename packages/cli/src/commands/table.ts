import type { CommandModule } from "yargs";

// oxlint-disable-next-line typescript/no-explicit-any -- each command has its own arguments; yargs checks them
export type Command = CommandModule<object, any>;

type Entry = { describe: string; load: () => Promise<Command> };

/**
 * All commands by their first word. A module is loaded only when its word was typed: gRPC alone costs more time than a
 * whole `topics ls` may take.
 */
export const commands: Record<string, Entry> = {
  dev: {
    describe: "run a cluster on this machine",
    load: async () => (await import("./dev.ts")).dev,
  },
  status: {
    describe: "the whole cluster at one glance",
    load: async () => (await import("./status.ts")).status,
  },
  topics: {
    describe: "list, create, describe, alter and delete topics, elect their leaders",
    load: async () => (await import("./topics.ts")).topics,
  },
  produce: {
    describe: "write records",
    load: async () => (await import("./produce.ts")).produce,
  },
  consume: {
    describe: "read records",
    load: async () => (await import("./consume.ts")).consume,
  },
  groups: {
    describe: "consumer groups and how far behind they are",
    load: async () => (await import("./groups.ts")).groups,
  },
  brokers: {
    describe: "the brokers of a cluster",
    load: async () => (await import("./brokers.ts")).brokers,
  },
  reassign: {
    describe: "move partitions between brokers",
    load: async () => (await import("./reassign.ts")).reassign,
  },
  meta: {
    describe: "look into the coordination store, and change it",
    load: async () => (await import("./meta.ts")).meta,
  },
  "dump-log": {
    describe: "what stands in the files of a data directory",
    load: async () => (await import("./dump-log.ts")).dumpLog,
  },
  kill: {
    describe: "end a node of `odradek dev` at once (kill -9)",
    load: async () => (await import("./nodes.ts")).kill,
  },
  chaos: {
    describe: "break a cluster again and again, and judge what its clients saw",
    load: async () => (await import("./chaos.ts")).chaos,
  },
  restart: {
    describe: "stop a node of `odradek dev` if it runs, and start it",
    load: async () => (await import("./nodes.ts")).restart,
  },
  pause: {
    describe: "stop a node without ending it (SIGSTOP)",
    load: async () => (await import("./nodes.ts")).pause,
  },
  resume: {
    describe: "let a paused node go on (SIGCONT)",
    load: async () => (await import("./nodes.ts")).resume,
  },
};
