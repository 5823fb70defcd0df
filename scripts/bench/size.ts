import { cpus, loadavg, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { recovery } from "./recovery.ts";
import { scale } from "./scale.ts";

const usage = `usage: node scripts/bench.ts recovery [--gib 10] [--segments 1000]
       node scripts/bench.ts scale [--partitions 10000] [--topics 1000]
  recovery   how soon a broker with much data is back, after an orderly stop and after kill -9 under load
  scale      how long many partitions take to create, to fail over and to start, and what memory they take
`;

/** Time against size; returns the exit code. */
export async function benchSize(args: readonly string[]): Promise<number> {
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      gib: { type: "string", default: "10" },
      segments: { type: "string", default: "1000" },
      partitions: { type: "string", default: "10000" },
      topics: { type: "string", default: "1000" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const gibibytes = Math.round(totalmem() / 2 ** 30);
  say(
    `${cpus().length} x ${cpus()[0]!.model.trim()}, ${gibibytes} GiB, Node ${process.version}, load ${loadavg()[0]!.toFixed(1)}`,
  );
  if (positionals[0] === "recovery")
    await recovery({ gibibytes: Number(values.gib), segments: Number(values.segments), say });
  else await scale({ partitions: Number(values.partitions), topicsAtOnce: Number(values.topics), say });
  return 0;
}
