import { quantile } from "@odradek/kit";
import { meanings } from "@odradek/client/history";
import { table } from "../terminal/table.ts";
import { goalsText } from "./goals.ts";
import type { FaultKind } from "./schedule.ts";
import type { WorkloadOutcome } from "./workload.ts";

/** What one fault came to. Times are milliseconds; `atMs` is since the first. */
export type FaultReport = {
  readonly kind: FaultKind;
  /** What gaps are counted together: the kind, and which role of node it hit. */
  readonly group: string;
  readonly fault: string;
  readonly atMs: number;
  /** From the fault to its healing. */
  readonly heldMs: number;
  /** From the healing until every replica was in sync again; null: not in time. */
  readonly recoveredMs: number | null;
  /** With a workload only: the longest silence of any partition, from the fault until the cluster was whole again. */
  readonly produceGapMs: number | null;
  readonly consumeGapMs: number | null;
  /** Acknowledgements and polled batches while the fault was in force. */
  readonly operations: number | null;
  /** What reached the clients' applications from the fault on until the cluster was whole again. */
  readonly errors: number | null;
};

export type ChaosReport = {
  readonly seed: number;
  readonly cluster: string;
  readonly faults: readonly FaultReport[];
  /** Kinds that were asked for and are not possible here, with the reason. */
  readonly skipped: readonly { readonly kind: FaultKind; readonly why: string }[];
  /** What no fault excuses: a node that ended by itself, a cluster that does not become whole. */
  readonly problems: readonly string[];
  readonly workload: WorkloadOutcome | null;
  readonly isOk: boolean;
  /** Before its time, by Ctrl-C: then there is no verdict. */
  readonly wasStopped: boolean;
};

/** Redpanda's measure: a fault under which less than this was done has tested little. */
export const operationsMin = 100;

export function isOk({ problems, workload }: Pick<ChaosReport, "problems" | "workload">): boolean {
  return problems.length === 0 && (workload === null || (workload.anomalies.length === 0 && workload.isReadToEnd));
}

export function reportText(report: ChaosReport): string {
  const parts = [`seed ${report.seed}   ${report.cluster}\n\n`, faultTable(report)];
  for (const { kind, why } of report.skipped) parts.push(`skipped ${kind}: ${why}\n`);
  if (report.workload !== null)
    parts.push(`\n${gapTable(report.faults)}\n${goalsText(report.faults)}${workloadText(report.workload)}`);
  const idle = report.faults.filter(({ operations }) => operations !== null && operations < operationsMin);
  for (const { fault, operations } of idle) parts.push(`under "${fault}" only ${operations} operations were done\n`);
  for (const problem of report.problems) parts.push(`PROBLEM ${problem}\n`);
  parts.push(`${verdict(report)}\n`);
  return parts.join("");
}

function faultTable({ faults }: ChaosReport): string {
  const rows = faults.map((fault) => [
    seconds(fault.atMs),
    fault.fault,
    seconds(fault.heldMs),
    fault.recoveredMs === null ? "no" : seconds(fault.recoveredMs),
    ...[fault.produceGapMs, fault.consumeGapMs].map((gapMs) => (gapMs === null ? "-" : `${Math.round(gapMs)} ms`)),
    String(fault.operations ?? "-"),
    String(fault.errors ?? "-"),
  ]);
  return table(["AT", "FAULT", "HELD", "WHOLE-AFTER", "PRODUCE-GAP", "CONSUME-GAP", "OPERATIONS", "ERRORS"], rows);
}

function gapTable(faults: readonly FaultReport[]): string {
  const rows = [...Map.groupBy(faults, ({ group }) => group)].map(([group, alike]) => [
    group,
    String(alike.length),
    ...quantiles(alike.map(({ produceGapMs }) => produceGapMs ?? 0)),
    ...quantiles(alike.map(({ consumeGapMs }) => consumeGapMs ?? 0)),
  ]);
  return table(["GAPS", "FAULTS", "PRODUCE-P50", "P99", "MAX", "CONSUME-P50", "P99", "MAX"], rows);
}

function quantiles(gapsMs: readonly number[]): string[] {
  const sorted = gapsMs.toSorted((a, b) => a - b);
  return [0.5, 0.99, 1].map((part) => `${Math.round(quantile(sorted, part))} ms`);
}

function workloadText({ counts, sendErrors, pollErrors, anomalies }: WorkloadOutcome): string {
  const { sent, acknowledged, failed, unknown, polled } = counts;
  const lines = [
    `sent ${sent}   acknowledged ${acknowledged}   refused ${failed}   unknown ${unknown}   polled ${polled}`,
  ];
  for (const [what, errors] of [
    ["send", sendErrors],
    ["poll", pollErrors],
  ] as const) {
    lines.push(`errors of ${what} after all retries: ${errors.count}`, ...errors.first.map((error) => `  ${error}`));
  }
  for (const { name, count, witnesses } of anomalies) {
    lines.push(`ANOMALY ${name} (${meanings[name]}): ${count}`);
    for (const { partition, offset, value, says } of witnesses)
      lines.push(`  ${partition} offset ${offset ?? "-"} value ${value ?? "-"}: ${says}`);
  }
  return `${lines.join("\n")}\n`;
}

function verdict({ workload, problems, wasStopped }: ChaosReport): string {
  if (wasStopped) return "stopped: no verdict";
  const wrong: string[] = [];
  if (problems.length > 0) wrong.push(problems.length === 1 ? "a problem" : `${problems.length} problems`);
  if (workload?.isReadToEnd === false) wrong.push("the consumers did not come to the end");
  const anomalies = workload?.anomalies.length ?? 0;
  if (anomalies > 0) wrong.push(anomalies === 1 ? "an anomaly" : `${anomalies} kinds of anomaly`);
  if (wrong.length > 0) return `VERDICT ${wrong.join("; ")}`;
  if (workload === null) return "the cluster came back from every fault";
  return "VERDICT nothing lost, doubled, reordered or skipped";
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
