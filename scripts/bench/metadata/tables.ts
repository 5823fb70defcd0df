import type { Distribution } from "../figures.ts";
import type { Figures, Result } from "./command.ts";
import type { Throughput } from "./throughput.ts";

/** The name of a row, and what it says of each store. */
type Cells = [string, (string | undefined)[]];

/** Markdown: what is printed goes into docs/benchmarks.md as it is. */
export function tablesOf(result: Result): string {
  const { figures } = result;
  const names = figures.map(({ name, version }) => `${name} ${version}`);
  const load = `load average ${result.loadBefore.toFixed(1)} before, ${result.loadAfter.toFixed(1)} after`;
  const lines = [`${result.machine}; ${result.disk}; ${result.startedAt.slice(0, 10)}; ${load}.`];
  const table = (title: string, cells: Cells[]): void => {
    const filled = cells.filter(([, values]) => values.some((value) => value !== undefined));
    if (filled.length === 0) return;
    lines.push("", row([title, ...names]), row(["---", ...names.map(() => "---")]));
    for (const [name, values] of filled) lines.push(row([name, ...values.map((value) => value ?? "")]));
  };
  const each = (cell: (one: Figures) => string | undefined): Cells[1] => figures.map(cell);
  const throughput = (of: "write" | "read"): Cells[] =>
    (figures.find((one) => one[of])?.[of] ?? []).map(({ clients }, at) => [
      `${of === "write" ? "writes" : "linearizable reads"}, ${clients} ${clients === 1 ? "client" : "clients"}`,
      each((one) => throughputCell(one[of]?.[at])),
    ]);
  table("operations/s, p50 / p99 (busy cores: load generator + members)", [
    ...throughput("write"),
    ...throughput("read"),
  ]);
  table("milliseconds, p50 / p99 (max)", [
    ["event at each of 1,000 watchers", each(({ watch }) => distributionCell(watch?.each))],
    ["event at the last of them", each(({ watch }) => distributionCell(watch?.last))],
    ["write gap, leader killed with -9", each(({ kill }) => distributionCell(kill?.gap, "trials"))],
    ["write gap, leader stopped", each(({ stop }) => distributionCell(stop?.gap, "trials"))],
  ]);
  table(`with ${figures[0]?.memory?.nodes.toLocaleString("en") ?? "no"} nodes of 100 bytes`, [
    ["memory, leader / follower", each(({ memory }) => memory && mb(memory.leaderMb, memory.followerMb))],
    [
      `the same with ${figures[0]?.memory?.sessions.toLocaleString("en") ?? 0} sessions`,
      each(({ memory }) => memory && mb(memory.leaderWithSessionsMb, memory.followerWithSessionsMb)),
    ],
    ["a killed follower serves again", each(({ memory }) => memory && seconds(memory.memberStartMs))],
    ["all killed, first write", each(({ memory }) => memory && seconds(memory.clusterStartMs))],
  ]);
  return lines.join("\n");
}

const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

function throughputCell(one: Throughput | undefined): string | undefined {
  if (!one) return undefined;
  const rate = Math.round(one.operationsPerSecond).toLocaleString("en");
  const cores = `${one.generatorCores.toFixed(1)} + ${one.storeCores.toFixed(1)}`;
  return `${rate}, ${milliseconds(one.p50Ms)} / ${milliseconds(one.p99Ms)} ms (${cores})`;
}

function distributionCell(one: Distribution | undefined, count?: string): string | undefined {
  if (!one) return undefined;
  const figures = `${milliseconds(one.p50)} / ${milliseconds(one.p99)} (${milliseconds(one.max)})`;
  return count === undefined ? figures : `${figures}, ${one.count} ${count}`;
}

const milliseconds = (ms: number): string => (ms < 10 ? ms.toFixed(2) : ms.toFixed(0));

const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

function mb(leader: number | null, follower: number | null): string | undefined {
  return leader === null || follower === null ? undefined : `${leader.toFixed(0)} / ${follower.toFixed(0)} MB`;
}
