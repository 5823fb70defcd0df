import { type Injured, injure, kinds } from "../../packages/broker/src/testing/injuries.ts";

/** Injures one replica's files once per seed and prints what clients got, as a table. Returns whether nothing wrong was served, nothing lost, and all logs were alike in the end. */
export async function corruptLogs(options: { runs: number; from: number }): Promise<boolean> {
  const all: Injured[] = [];
  for (let seed = options.from; seed < options.from + options.runs; seed++) {
    const one = await injure(seed).catch((error: unknown) => {
      throw new Error(`CORRUPT=log SEED=${seed}`, { cause: error });
    });
    all.push(one);
    if (one.wrong + one.missing + one.unlike > 0) console.log(`CORRUPT=log SEED=${seed} ${JSON.stringify(one)}`);
    if (all.length % 1000 === 0) console.error(`${all.length} of ${options.runs}`);
  }
  console.log("| injury | runs | wrong records served | reads refused meanwhile | records lost | replicas unlike |");
  console.log("|---|--:|--:|--:|--:|--:|");
  for (const file of ["log", "index", "timeindex", "snapshot", "checkpoint"])
    for (const kind of kinds)
      row(
        `${file}: ${kind}`,
        all.filter((one) => one.file === file && one.kind === kind),
      );
  row("all", all);
  return sum(all, "wrong") + sum(all, "missing") + sum(all, "unlike") === 0;
}

function row(name: string, list: readonly Injured[]): void {
  if (list.length === 0) return;
  const sums = (["wrong", "refused", "missing", "unlike"] as const).map((what) => sum(list, what));
  console.log(`| ${[name, list.length, ...sums].join(" | ")} |`);
}

const sum = (list: readonly Injured[], what: "wrong" | "refused" | "missing" | "unlike"): number =>
  list.reduce((total, one) => total + one[what], 0);
