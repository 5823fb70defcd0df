import { loadavg } from "node:os";
import { count, oneOf, positive, readOptions } from "../options.ts";
import { machineText } from "./machine.ts";
import { recovery } from "./recovery.ts";
import { scale } from "./scale.ts";

const usage = `usage: npm run bench -- recovery [--gib 10] [--segments 1000]
       npm run bench -- scale [--partitions 10000] [--topics 1000]
  recovery   how soon a broker with much data is back, after an orderly stop and after kill -9 under load
  scale      how long many partitions take to create, to fail over and to start, and what memory they take
`;

/** Time against size; returns the exit code. */
export async function benchSize(args: readonly string[]): Promise<number> {
  const { word, options } = readOptions(
    {
      usage,
      word: oneOf(["recovery", "scale"], "scale"),
      options: { gib: positive(10), segments: count(1000), partitions: count(10_000), topics: count(1000) },
    },
    args,
  );
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  say(`${machineText()}, load ${loadavg()[0]!.toFixed(1)}`);
  if (word === "recovery") await recovery({ gibibytes: options.gib, segments: options.segments, say });
  else await scale({ partitions: options.partitions, topicsAtOnce: options.topics, say });
  return 0;
}
