import { loadavg, tmpdir } from "node:os";
import { count, directory, flag, positive, readOptions, someOf, text } from "../../options.ts";
import { etcdStore, etcdVersion } from "./etcd.ts";
import { measureFailover, type WriteGap } from "./failover.ts";
import { diskText, machineText } from "../machine.ts";
import { measureMemory, type MemoryFigures } from "./memory.ts";
import { odradekStore } from "./odradek.ts";
import { endEverythingAtExit } from "./processes.ts";
import type { Store } from "./store.ts";
import { tablesOf } from "./tables.ts";
import { measureThroughput, prepareThroughput, type Throughput } from "./throughput.ts";
import { type FanOut, measureFanOut } from "./watching.ts";
import { zookeeperStore, zookeeperVersion } from "./zookeeper.ts";

const rows = ["write", "read", "watch", "kill", "stop", "memory"] as const;
type Row = (typeof rows)[number];

const usage = `usage: npm run bench -- metadata [options]
Measures our coordination store, and others beside it in the same run: three members each, on loopback, data under one directory.

  --vs etcd,zookeeper   others to start and measure (default: none); on Debian: apt-get install etcd-server zookeeper
  --only ROW,…          of ${rows.join(", ")} (default: all)
  --seconds N           of each throughput measurement, after half of it unmeasured (default 4)
  --trials N            kills of the leader, and stops of it (default 30; at most 10 stops of ZooKeeper, which wait for its ten seconds)
  --nodes N             of the memory row, in hundreds (default 100000)
  --dir DIRECTORY       where data goes (default ${tmpdir()}): its disk is what is measured
  --profile DIRECTORY   writes a CPU profile of each of our members there
  --json                prints one JSON object instead of tables
`;

/** All figures of one store; rows that were not asked for are absent. */
export type Figures = {
  name: string;
  version: string;
  write?: Throughput[];
  read?: Throughput[];
  watch?: FanOut;
  kill?: WriteGap;
  stop?: WriteGap;
  memory?: MemoryFigures;
  failed: Row[];
};

/** What `--json` prints. */
export type Result = {
  machine: string;
  disk: string;
  startedAt: string;
  loadBefore: number;
  loadAfter: number;
  trials: number;
  figures: Figures[];
};

type Options = {
  rows: readonly Row[];
  timing: { warmupMs: number; measureMs: number };
  trials: number;
  nodes: number;
};

const clientCounts = [1, 16, 256];
/** Neither a JVM nor V8 has compiled anything at first. */
const warming = { warmupMs: 0, measureMs: 5_000 };
const warmingClients = 64;
const attemptsMax = 3;
const watchers = 1_000;
const watchedWrites = 50;
const sessions = 1_000;
const zookeeperStopsMax = 10;

/** Opens a cluster of its own each time. */
type Opener = () => Promise<Store>;

/** Runs the command; returns its exit code. */
export async function benchMetadata(args: string[]): Promise<number> {
  const flags = flagsOf(args);
  const openers = openersOf(flags);
  if (typeof openers === "string") {
    console.error(openers);
    return 2;
  }
  endEverythingAtExit();
  const startedAt = new Date().toISOString();
  const loadBefore = loadavg()[0]!;
  const figures: Figures[] = [];
  for (const open of openers) figures.push(await measure(open, flags));
  const result: Result = {
    ...{ machine: machineText(), disk: diskText(flags.dir), startedAt, loadBefore, loadAfter: loadavg()[0]! },
    ...{ trials: flags.trials, figures },
  };
  console.log(flags.json ? JSON.stringify(result, null, 2) : tablesOf(result));
  return figures.some(({ failed }) => failed.length > 0) ? 1 : 0;
}

/** One cluster for all rows, but memory has one of its own: there nothing may be left of what came before. A row that fails is left out. */
async function measure(open: Opener, options: Options): Promise<Figures> {
  const store = await open();
  const figures: Figures = { name: store.name, version: store.version, failed: [] };
  const row = async (name: Row, measurement: () => Promise<void>): Promise<void> => {
    if (!options.rows.includes(name)) return;
    try {
      await measurement();
    } catch (error) {
      console.error(`${store.name}: ${name} failed:`, error);
      figures.failed.push(name);
    }
  };
  await store.start();
  for (const operation of ["write", "read"] as const)
    await row(operation, async () => void (figures[operation] = await throughput(store, operation, options.timing)));
  await row("watch", async () => {
    say(store, `${watchers} watchers`);
    figures.watch = await undisturbed(store, () => measureFanOut(store, watchers, watchedWrites));
  });
  for (const fault of ["kill", "stop"] as const)
    await row(fault, async () => {
      const isSlow = fault === "stop" && store.name === "zookeeper";
      const trials = isSlow ? Math.min(options.trials, zookeeperStopsMax) : options.trials;
      say(store, `${fault}, ${trials} trials`);
      figures[fault] = await measureFailover(store, fault, trials);
    });
  await store.stop();
  await row("memory", async () => {
    say(store, `${options.nodes} nodes`);
    const filled = await open();
    await filled.start();
    figures.memory = await measureMemory(filled, options.nodes, filled.name === "odradek" ? sessions : 0);
    await filled.stop();
  });
  return figures;
}

async function throughput(store: Store, operation: "write" | "read", timing: Options["timing"]): Promise<Throughput[]> {
  await prepareThroughput(store);
  say(store, `${operation}, warming up`);
  await undisturbed(store, () => measureThroughput(store, operation, warmingClients, warming));
  const measured: Throughput[] = [];
  for (const clients of clientCounts) {
    say(store, `${operation}, ${clients} clients`);
    measured.push(await undisturbed(store, () => measureThroughput(store, operation, clients, timing)));
  }
  return measured;
}

/** On a busy machine leadership may move in the middle of a measurement, which then begins again. */
async function undisturbed<T>(store: Store, measurement: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await measurement();
    } catch (error) {
      if (attempt === attemptsMax) throw error;
      say(store, `${(error as Error).message}; once more`);
    }
  }
}

function say({ name, version }: Store, what: string): void {
  console.error(`${name} ${version}: ${what}`);
}

type Flags = Options & { vs: readonly string[]; dir: string; profile: string | null; json: boolean };

function flagsOf(args: readonly string[]): Flags {
  const { options } = readOptions(
    {
      usage,
      options: {
        vs: someOf(["etcd", "zookeeper"], []),
        only: someOf(rows, rows),
        seconds: positive(4),
        trials: count(30),
        nodes: count(100_000),
        dir: directory(tmpdir()),
        profile: text(null),
        json: flag(),
      },
    },
    args,
  );
  const { seconds, only, nodes, ...others } = options;
  return {
    ...others,
    rows: only,
    timing: { warmupMs: seconds * 500, measureMs: seconds * 1000 },
    nodes: Math.ceil(nodes / 100) * 100,
  };
}

/** How each store is opened, ours first; or a text that says what is missing. */
function openersOf({ vs, dir, profile }: Flags): Opener[] | string {
  const openers: Opener[] = [() => odradekStore(dir, profile)];
  for (const name of vs) {
    const version = name === "etcd" ? etcdVersion() : zookeeperVersion();
    if (version === null)
      return `${name} is not installed: apt-get install ${name === "etcd" ? "etcd-server" : "zookeeper default-jre-headless"}`;
    openers.push(() => (name === "etcd" ? etcdStore(dir, version) : zookeeperStore(dir, version)));
  }
  return openers;
}
