import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Figures, type Load, run } from "./load.ts";
import { fetchConversation, produceConversation, produceRequest, settle, type Shape } from "./shapes.ts";
import { type Address, brokerIds, dropTopic, endOf, makeTopic } from "./wire.ts";

/** What is measured, the same for all systems. */
export type Measurement = {
  kind: "produce" | "consume" | "replicate";
  recordBytes: number;
  warmupMs: number;
  measureMs: number;
  /** Nothing is acknowledged before it is on stable storage. */
  isDurable: boolean;
};

/** A system under load. */
export type Target = { name: string; measure(row: Shape): Promise<Figures> };

const fillMs = 2_000;
const fetchBytes = 1024 * 1024;
let topics = 0;

/**
 * Logs are kept short, so that a run of any length measures brokers and not how fast this machine hands out fresh memory or writes pages
 * back; reading needs the whole log. The peer should look as often: `log.retention.check.interval.ms` and `log.segment.delete.delay.ms` as here.
 */
const short = { "segment.bytes": "67108864", "retention.bytes": "67108864" };

/** A Kafka whose brokers are these processes: each measurement has a topic of its own, so that logs don't grow from row to row. */
export function kafka(
  name: string,
  { bootstrap, servers }: { bootstrap: Address; servers: readonly number[] },
  measurement: Measurement,
): Target {
  const { kind, recordBytes, isDurable } = measurement;
  return {
    name,
    async measure(row) {
      const replicas = (await brokerIds(bootstrap)).slice(0, kind === "replicate" ? 3 : 1);
      const topic = `bench-${process.pid}-${++topics}`;
      const settings: Record<string, string> = {
        "min.insync.replicas": replicas.length >= 3 ? "2" : "1",
        ...(kind === "consume" ? {} : short),
        ...(isDurable ? { "flush.messages": "1" } : {}),
      };
      const leader = await makeTopic(bootstrap, { name: topic, partitions: row.partitions, replicas, settings });
      const { request, bytes } = produceRequest(row, topic, kind === "replicate" ? -1 : 1, recordBytes);
      const writing = () => produceConversation(bytes);
      const load = { ...leader, ...loadOf(row, measurement), servers };
      try {
        await settle(leader, request);
        if (kind !== "consume") return await run({ ...load, conversation: writing });
        const filling = { connections: 1, depth: 4, warmupMs: 0, measureMs: fillMs };
        await run({ ...leader, ...filling, conversation: writing });
        const end = await endOf(leader, topic);
        const reading = () => fetchConversation(topic, fetchBytes, end);
        return await run({ ...load, conversation: reading });
      } finally {
        await dropTopic(bootstrap, topic);
      }
    },
  };
}

/** The raw path, in a process of its own for each measurement. */
export function rawPath(measurement: Measurement): Target {
  return {
    name: "raw path",
    async measure(row) {
      const script = join(import.meta.dirname, "raw-path.ts");
      const child = spawn(process.execPath, [script, String(row.partitions)], { stdio: ["ignore", "pipe", "inherit"] });
      try {
        const port = await new Promise<number>((resolve) =>
          createInterface({ input: child.stdout }).once("line", (line) => resolve(Number(line))),
        );
        const { bytes } = produceRequest(row, "raw", 1, measurement.recordBytes);
        const conversation = () => ({ next: () => bytes, answered: () => bytes.length });
        const servers = [child.pid!];
        return await run({ host: "127.0.0.1", port, ...loadOf(row, measurement), servers, conversation });
      } finally {
        child.kill("SIGTERM");
      }
    },
  };
}

const loadOf = (
  { connections, depth }: Shape,
  { warmupMs, measureMs }: Measurement,
): Pick<Load, "connections" | "depth" | "warmupMs" | "measureMs"> => ({ connections, depth, warmupMs, measureMs });
