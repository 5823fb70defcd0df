import { quantile } from "@odradek/kit";
import type { FaultReport } from "./report.ts";

type Goal = { readonly group: string; readonly p50Ms?: number; readonly p99Ms?: number; readonly errors?: number };

/** What we hold ourselves to; a machine that is busy with other work may miss it without anything being wrong. */
const goals: readonly Goal[] = [
  { group: "kill broker", p50Ms: 500, p99Ms: 2_500 },
  { group: "pause broker", p99Ms: 8_000 },
  { group: "rolling", errors: 0 },
];

/** A line for each goal whose kind of fault was committed: what it came to, and whether that is good enough. A gap is that of producers or consumers, whichever is longer. */
export function goalsText(faults: readonly FaultReport[]): string {
  return goals
    .map((goal) =>
      goalText(
        goal,
        faults.filter(({ group }) => group === goal.group),
      ),
    )
    .join("");
}

function goalText({ group, p50Ms, p99Ms, errors }: Goal, faults: readonly FaultReport[]): string {
  if (faults.length === 0) return "";
  const gapsMs = faults.map(gapMs).toSorted((a, b) => a - b);
  const measures: (readonly [name: string, found: number, most: number | undefined, unit: string])[] = [
    ["gap p50", quantile(gapsMs, 0.5), p50Ms, " ms"],
    ["gap p99", quantile(gapsMs, 0.99), p99Ms, " ms"],
    ["errors", faults.reduce((sum, fault) => sum + (fault.errors ?? 0), 0), errors, ""],
  ];
  const told = measures.flatMap(([name, found, most, unit]) => {
    if (most === undefined) return [];
    return [`${name} ${Math.round(found)}${unit}, ${found <= most ? "within" : "MISSES"} ${most}${unit}`];
  });
  return `GOAL ${group} (${faults.length}): ${told.join("; ")}\n`;
}

const gapMs = ({ produceGapMs, consumeGapMs }: FaultReport): number => Math.max(produceGapMs ?? 0, consumeGapMs ?? 0);
