import { expect, test } from "vitest";
import { isOk, reportText, type ChaosReport, type FaultReport } from "./report.ts";
import type { WorkloadOutcome } from "./workload.ts";

const fault: FaultReport = {
  ...{ kind: "kill", group: "kill broker", fault: "kill -9 broker 1", atMs: 0, heldMs: 2_000, recoveredMs: 1_500 },
  ...{ produceGapMs: 412, consumeGapMs: 430, operations: 2_000, errors: 0 },
};
const clean: WorkloadOutcome = {
  anomalies: [],
  counts: { sent: 9, acknowledged: 8, failed: 0, unknown: 1, polled: 16 },
  ...{ sendErrors: { count: 0, first: [] }, pollErrors: { count: 2, first: ["fenced"] }, isReadToEnd: true },
};
const lost = {
  name: "lost-write",
  count: 3,
  witnesses: [{ partition: "t-0", offset: 4, value: 2, says: "acknowledged, read by nobody" }],
} as const;
const reportOf = (given: Partial<ChaosReport>): ChaosReport => {
  const rest = { problems: [], workload: clean, ...given };
  return { seed: 7, cluster: "3 brokers", faults: [fault], skipped: [], wasStopped: false, ...rest, isOk: isOk(rest) };
};

test("all is well: the gaps and the verdict", () => {
  const report = reportOf({});
  expect(report.isOk).toBe(true);
  const text = reportText(report);
  expect(text).toMatch(/^0\.0 s +kill -9 broker 1 +2\.0 s +1\.5 s +412 ms +430 ms +2000 +0$/m);
  expect(text).toMatch(/^kill broker +1 +412 ms +412 ms +412 ms +430 ms/m);
  expect(text).toContain("errors of poll after all retries: 2\n  fenced");
  expect(text).toContain("VERDICT nothing lost, doubled, reordered or skipped");
});

test("an anomaly, a problem, or consumers that never came to the end: not well", () => {
  const anomaly = reportOf({ workload: { ...clean, anomalies: [lost] } });
  expect(anomaly.isOk).toBe(false);
  expect(reportText(anomaly)).toMatch(
    /ANOMALY lost-write \(.+\): 3\n {2}t-0 offset 4 value 2: acknowledged, read by nobody/,
  );
  const problem = reportOf({ problems: ["broker 2 ended by itself"] });
  expect([problem.isOk, reportText(problem)]).toEqual([false, expect.stringContaining("VERDICT a problem\n")]);
  const late = reportOf({ workload: { ...clean, isReadToEnd: false } });
  expect([late.isOk, reportText(late)]).toEqual([false, expect.stringContaining("did not come to the end")]);
  const all = reportOf({ problems: ["one", "two"], workload: { ...clean, anomalies: [lost], isReadToEnd: false } });
  expect(reportText(all)).toContain("VERDICT 2 problems; the consumers did not come to the end; an anomaly\n");
});

test("a fault under which little was done is named, and so is what could not be done", () => {
  const text = reportText(
    reportOf({ faults: [{ ...fault, operations: 99 }], skipped: [{ kind: "slow", why: "no links" }] }),
  );
  expect(text).toContain('under "kill -9 broker 1" only 99 operations were done');
  expect(text).toContain("skipped slow: no links");
});

test("the goals are told with what they came to, for the kinds of faults that were committed", () => {
  const kills = [200, 300, 400, 2_600].map((produceGapMs) => ({ ...fault, produceGapMs }));
  const rolling = { ...fault, kind: "rolling", group: "rolling", errors: 3 } as const;
  const text = reportText(reportOf({ faults: [...kills, rolling] }));
  expect(text).toContain("GOAL kill broker (4): gap p50 430 ms, within 500 ms; gap p99 2600 ms, MISSES 2500 ms\n");
  expect(text).toContain("GOAL rolling (1): errors 3, MISSES 0\n");
  expect(text).not.toContain("GOAL pause");
});

test("without a workload there are no gaps, and stopped early there is no verdict", () => {
  const silent = { ...fault, produceGapMs: null, consumeGapMs: null, operations: null, errors: null };
  expect(reportText(reportOf({ faults: [silent], workload: null }))).toContain(
    "the cluster came back from every fault",
  );
  expect(reportText(reportOf({ workload: null, wasStopped: true }))).toContain("stopped: no verdict");
});
