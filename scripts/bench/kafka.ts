// Speed, measured side by side; --help says what can be measured.
// Every figure stands beside the raw path (a process that writes the same bytes from a socket to a file) and, with --vs, beside another
// Kafka that got the same load in the same run. With --flush group nothing is acknowledged before it is on stable storage (the peer's topics have
// flush.messages=1). Rounds alternate between the systems; medians are printed. All on 127.0.0.1.
import { spawn } from "node:child_process";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { count, type Option, oneOf, orEnd, positive, readOptions, text, valueOf, whole } from "../options.ts";
import { type Figures, run } from "./load.ts";
import {
  fetchConversation,
  fetchShapes,
  labelOf,
  produceConversation,
  produceRequest,
  produceShapes,
  settle,
  type Shape,
} from "./shapes.ts";
import { type Address, brokerIds, dropTopic, makeTopic } from "./wire.ts";
import { LocalCluster } from "../testing/local-cluster.ts";

const usage = `usage: node scripts/bench.ts produce|consume|replicate [options]
       node scripts/bench.ts metadata|recovery|scale [options]; --help after the word says more
  produce     one broker, acks=1             replicate   three brokers, RF 3, acks=all
  consume     one broker, from the page cache

  --vs HOST:PORT     another Kafka that gets the same load in the same run
  --seconds N        of each measurement (3), after --warmup N unmeasured ones (2)
  --rounds N         whose medians are printed (3)
  --record-bytes N   of each record (100)
  --only NAME        one row of the table
  --flush group      nothing is acknowledged before it is on stable storage; kafka is the default
`;

const hostAndPort: Option<Address | null> = {
  takes: "HOST:PORT",
  absent: null,
  read(given) {
    const match = /^(.+):(\d+)$/.exec(given);
    return match ? { host: match[1]!, port: Number(match[2]) } : undefined;
  },
};
const commandLine = {
  usage,
  word: oneOf(["produce", "consume", "replicate"], "produce"),
  options: {
    vs: hostAndPort,
    seconds: positive(3),
    warmup: positive(2),
    rounds: count(3),
    only: text(null),
    "record-bytes": whole({ min: 1, max: 1_000_000 }, 100),
    flush: oneOf(["group", "kafka"], "kafka"),
  },
};
const { word: kind, options: flags } = readOptions(commandLine);
const shapes = kind === "consume" ? fetchShapes : produceShapes;
const names = [...new Set(shapes.map(({ name }) => name))];
const { only } = flags;
if (only !== null) orEnd(commandLine, () => valueOf("--only", oneOf(names, ""), only));
const recordBytes = flags["record-bytes"];
const timing = { warmupMs: flags.warmup * 1000, measureMs: flags.seconds * 1000 };

/** A system under load. */
type Target = { name: string; measure(row: Shape): Promise<Figures> };

let topics = 0;

/**
 * Logs are kept short, so that a run of any length measures brokers and not how fast this machine hands out fresh memory or writes pages
 * back; reading needs the whole log. The peer should look as often: `log.retention.check.interval.ms` and `log.segment.delete.delay.ms` as here.
 */
const keepShort: Record<string, string> =
  kind === "consume" ? {} : { "segment.bytes": "67108864", "retention.bytes": "67108864" };
const brokerSettings = {
  "log.retention.check.interval.ms": "500",
  "log.segment.delete.delay.ms": "500",
  "odradek.flush": flags.flush,
};
const durable: Record<string, string> = flags.flush === "group" ? { "flush.messages": "1" } : {};

/** A Kafka: each measurement has a topic of its own, so that logs don't grow from row to row. */
function kafka(name: string, bootstrap: Address): Target {
  return {
    name,
    async measure(row) {
      const replicas =
        kind === "replicate" ? (await brokerIds(bootstrap)).slice(0, 3) : (await brokerIds(bootstrap)).slice(0, 1);
      const topic = `bench-${process.pid}-${++topics}`;
      const leader = await makeTopic(bootstrap, {
        name: topic,
        partitions: row.partitions,
        replicas,
        settings: { "min.insync.replicas": replicas.length >= 3 ? "2" : "1", ...keepShort, ...durable },
      });
      const { request, bytes, records } = produceRequest(row, topic, kind === "replicate" ? -1 : 1, recordBytes);
      try {
        await settle(leader, request);
        if (kind !== "consume")
          return await run({
            ...leader,
            connections: row.connections,
            depth: row.depth,
            ...timing,
            conversation: () => produceConversation(bytes),
          });
        const filled = await run({
          ...leader,
          connections: 1,
          depth: 4,
          warmupMs: 0,
          measureMs: 2_000,
          conversation: () => produceConversation(bytes),
        });
        const end = Math.floor(filled.requestsPerSecond * 2 * 0.9) * records;
        return await run({
          ...leader,
          connections: row.connections,
          depth: row.depth,
          ...timing,
          conversation: () => fetchConversation(topic, 1024 * 1024, end),
        });
      } finally {
        await dropTopic(bootstrap, topic);
      }
    },
  };
}

/** The raw path, in a process of its own for each measurement. */
const rawPath: Target = {
  name: "raw path",
  async measure(row) {
    const child = spawn(process.execPath, [join(import.meta.dirname, "raw-path.ts")], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const port = await new Promise<number>((resolve) =>
        createInterface({ input: child.stdout }).once("line", (line) => resolve(Number(line))),
      );
      const { bytes } = produceRequest(row, "raw", 1, recordBytes);
      const conversation = () => ({ next: () => bytes, answered: () => bytes.length });
      return await run({
        host: "127.0.0.1",
        port,
        connections: row.connections,
        depth: row.depth,
        ...timing,
        conversation,
      });
    } finally {
      child.kill("SIGTERM");
    }
  },
};

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
const medianOf = (rounds: Figures[]): Figures => ({
  bytesPerSecond: median(rounds.map((one) => one.bytesPerSecond)),
  requestsPerSecond: median(rounds.map((one) => one.requestsPerSecond)),
  p50Us: median(rounds.map((one) => one.p50Us)),
  p99Us: median(rounds.map((one) => one.p99Us)),
});

function print(row: Shape, names: string[], figures: Figures[]): void {
  const ours = figures[0]!;
  const records = produceRequest({ ...row, connections: 1, depth: 1 }, "t", 1, recordBytes);
  figures.forEach((one, at) => {
    const perSecond = (one.bytesPerSecond / records.bytes.length) * records.records;
    const columns = [
      labelOf(row).padEnd(14),
      names[at]!.padEnd(10),
      `${(one.bytesPerSecond / 1e6).toFixed(one.bytesPerSecond < 1e8 ? 1 : 0)} MB/s`.padStart(12),
      `${Math.round(one.requestsPerSecond)} req/s`.padStart(14),
      `${(perSecond / 1e6).toFixed(3)} M rec/s`.padStart(16),
      `p50 ${(one.p50Us / 1000).toFixed(2)} ms`.padStart(14),
      `p99 ${(one.p99Us / 1000).toFixed(2)} ms`.padStart(14),
      at === 0
        ? ""
        : `ours/this ${(ours.bytesPerSecond / one.bytesPerSecond).toFixed(2)}  p50 ${(ours.p50Us / one.p50Us).toFixed(2)}`,
    ];
    console.log(columns.join(" "));
  });
}

await using cluster = await LocalCluster.start(
  kind === "replicate"
    ? { brokers: 3, metadata: 3, settings: brokerSettings }
    : { brokers: 1, metadata: 1, settings: brokerSettings },
);
const targets = [kafka("odradek", hostAndPort.read(cluster.bootstrap.split(",")[0]!)!)];
if (kind === "produce") targets.push(rawPath);
if (flags.vs) targets.push(kafka("peer", flags.vs));

console.log(
  `${kind}: ${cpus().length} x ${cpus()[0]!.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, records of ${recordBytes} bytes, flush ${flags.flush}, ${flags.rounds} rounds of ${flags.seconds} s`,
);
for (const row of shapes) {
  if (only !== null && row.name !== only) continue;
  const rounds: Figures[][] = targets.map(() => []);
  for (let round = 0; round < flags.rounds; round++)
    for (const [at, target] of targets.entries()) rounds[at]!.push(await target.measure(row));
  print(
    row,
    targets.map((target) => target.name),
    rounds.map(medianOf),
  );
}
