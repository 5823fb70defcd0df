import type { ElectionResult } from "@odradek/client";
import { confirm } from "../terminal/confirm.ts";
import { printList, type OutputOptions } from "../terminal/output.ts";
import { withAdmin } from "./admin.ts";
import type { KafkaOptions } from "./target.ts";

export type ElectOptions = { topic: string; partition: number[]; unclean: boolean; yes: boolean };

/** Each partition's result is shown; the first that failed makes the exit code. */
export function electLeaders(options: KafkaOptions & OutputOptions & ElectOptions): Promise<void> {
  const { topic, unclean } = options;
  return withAdmin(options, async (admin) => {
    if (unclean) await confirm(`elect leaders of ${topic} that may lack acknowledged records`, options.yes);
    const [described] = await admin.describeTopics([topic]);
    const all = described!.partitions.map(({ partition }) => partition).toSorted((a, b) => a - b);
    const chosen = options.partition.length > 0 ? options.partition : all;
    const results = await admin.electLeaders(
      chosen.map((partition) => ({ topic, partition })),
      { isUnclean: unclean },
    );
    const rows = results.map((result) => ({ topic, partition: result.partition, result: resultText(result) }));
    await printList(rows, options, [
      ["PARTITION", ({ partition }) => `${topic}-${partition}`],
      ["RESULT", ({ result }) => result],
    ]);
    const failed = results.find(({ error }) => error !== null);
    if (failed?.error) throw failed.error;
  });
}

const resultText = ({ error, isElected }: ElectionResult): string =>
  error?.codeName ?? (isElected ? "elected" : "not needed");
