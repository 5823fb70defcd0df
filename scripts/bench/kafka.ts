import { quantile } from "@odradek/kit";
import { count, oneOf, orEnd, positive, readOptions, text, valueOf, whole, wholes } from "../options.ts";
import { LocalCluster } from "../testing/local-cluster.ts";
import { addressOption } from "./address.ts";
import type { Figures } from "./load.ts";
import { machineText } from "./machine.ts";
import { batchOf, fetchShapes, labelOf, produceRequest, produceShapes, type Shape } from "./shapes.ts";
import { kafka, type Measurement, rawPath } from "./targets.ts";

const usage = `usage: npm run bench -- produce|consume|replicate [options]
       npm run bench -- failover|metadata|recovery|scale [options]; --help after the word says more
  produce     one broker, acks=1             replicate   three brokers, RF 3, acks=all
  consume     one broker, from the page cache
Every figure of produce stands beside the raw path: a process that writes the same bytes from a socket to a file for each partition. All on
127.0.0.1. "cpu" is what a request takes of the processors, in all brokers together + in the load generator.

  --vs HOST:PORT     another Kafka that gets the same load in the same run
  --vs-pids N,N,…    the processes of its brokers, if what they take of the processors is wanted
  --seconds N        of each measurement (3), after --warmup N unmeasured ones (2)
  --rounds N         in which the systems take turns, and whose medians are printed (3)
  --record-bytes N   of each record (100)
  --only NAME        one row of the table
  --flush group      nothing is acknowledged before it is on stable storage; kafka is the default
`;

const commandLine = {
  usage,
  word: oneOf(["produce", "consume", "replicate"], "produce"),
  options: {
    vs: addressOption,
    "vs-pids": wholes([]),
    seconds: positive(3),
    warmup: positive(2),
    rounds: count(3),
    only: text(null),
    "record-bytes": whole({ min: 1, max: 1_000_000 }, 100),
    flush: oneOf(["group", "kafka"], "kafka"),
  },
};

/** What ours is started with besides; see `targets.ts` on logs that are kept short. */
const brokerSettings = { "log.retention.check.interval.ms": "500", "log.segment.delete.delay.ms": "500" };

/** Measures brokers side by side; returns the exit code. */
export async function benchKafka(args: readonly string[]): Promise<number> {
  const { word: kind, options } = readOptions(commandLine, args);
  const { only, rounds, seconds, flush, vs } = options;
  const shapes = kind === "consume" ? fetchShapes : produceShapes;
  const names = [...new Set(shapes.map(({ name }) => name))];
  if (only !== null) orEnd(commandLine, () => valueOf("--only", oneOf(names, ""), only));
  const measurement: Measurement = {
    kind,
    recordBytes: options["record-bytes"],
    warmupMs: options.warmup * 1000,
    measureMs: seconds * 1000,
    isDurable: flush === "group",
  };
  const nodes = kind === "replicate" ? { brokers: 3, metadata: 3 } : { brokers: 1, metadata: 1 };
  await using cluster = await LocalCluster.start({ ...nodes, settings: { ...brokerSettings, "odradek.flush": flush } });
  const bootstrap = addressOption.read(cluster.bootstrap.split(",")[0]!)!;
  const servers = [...cluster.brokers.values()].map(({ pid }) => pid!);
  const targets = [kafka("odradek", { bootstrap, servers }, measurement)];
  if (kind === "produce") targets.push(rawPath(measurement));
  if (vs !== null) targets.push(kafka("peer", { bootstrap: vs, servers: options["vs-pids"] }, measurement));

  const what = `records of ${measurement.recordBytes} bytes, flush ${flush}, ${rounds} rounds of ${seconds} s`;
  console.log(`${kind}: ${machineText()}, ${what}`);
  for (const row of shapes) {
    if (only !== null && row.name !== only) continue;
    const measured = targets.map(({ name }) => ({ name, rounds: [] as Figures[] }));
    for (let round = 0; round < rounds; round++)
      for (const [at, target] of targets.entries()) measured[at]!.rounds.push(await target.measure(row));
    const medians = measured.map((one) => ({ name: one.name, figures: medianOf(one.rounds) }));
    for (const line of linesOf(row, measurement, medians)) console.log(line);
  }
  return 0;
}

function medianOf(rounds: readonly Figures[]): Figures {
  const median = (name: keyof Figures): number =>
    quantile(
      rounds.map((one) => one[name]).toSorted((a, b) => a - b),
      0.5,
    );
  return {
    bytesPerSecond: median("bytesPerSecond"),
    requestsPerSecond: median("requestsPerSecond"),
    p50Us: median("p50Us"),
    p99Us: median("p99Us"),
    serverCpuUs: median("serverCpuUs"),
    loadCpuUs: median("loadCpuUs"),
  };
}

type Named = { readonly name: string; readonly figures: Figures };

/** One line a system, ours first. */
function linesOf(row: Shape, measurement: Measurement, systems: readonly Named[]): string[] {
  const ours = systems[0]!.figures;
  const perByte = recordsPerByte(row, measurement);
  return systems.map(({ name, figures }, at) => {
    const { bytesPerSecond, requestsPerSecond, p50Us, p99Us, serverCpuUs, loadCpuUs } = figures;
    const serverCpu = serverCpuUs === 0 ? "?" : serverCpuUs.toFixed(0);
    const columns = [
      labelOf(row).padEnd(14),
      name.padEnd(10),
      `${(bytesPerSecond / 1e6).toFixed(bytesPerSecond < 1e8 ? 1 : 0)} MB/s`.padStart(12),
      `${Math.round(requestsPerSecond)} req/s`.padStart(14),
      `${((bytesPerSecond * perByte) / 1e6).toFixed(3)} M rec/s`.padStart(16),
      `p50 ${(p50Us / 1000).toFixed(2)} ms`.padStart(14),
      `p99 ${(p99Us / 1000).toFixed(2)} ms`.padStart(14),
      `cpu ${serverCpu} + ${loadCpuUs.toFixed(0)} us`.padStart(18),
    ];
    if (at > 0)
      columns.push(
        `ours/this ${(ours.bytesPerSecond / bytesPerSecond).toFixed(2)}  p50 ${(ours.p50Us / p50Us).toFixed(2)}`,
      );
    return columns.join(" ");
  });
}

/** Produced bytes are those of whole requests, fetched ones those of batches. */
function recordsPerByte(row: Shape, { kind, recordBytes }: Measurement): number {
  const { bytes, records } =
    kind === "consume" ? batchOf(row.batchBytes, recordBytes) : produceRequest(row, "t", 1, recordBytes);
  return records / bytes.length;
}
