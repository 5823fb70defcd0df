import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CommandRun } from "../testing/command.ts";
import type { ChaosReport } from "./report.ts";

let cwd: string;
let run: CommandRun;
beforeEach(() => void (cwd = mkdtempSync(join(tmpdir(), "odradek-chaos-test-"))));
afterEach(async () => {
  run.child.kill("SIGKILL"); // its nodes end when their pipe to it closes
  await run.ended;
  rmSync(cwd, { recursive: true, force: true });
});

function chaos(words: string): CommandRun {
  run = new CommandRun(`chaos run ${words}`.split(" "), { cwd, env: { TMPDIR: cwd } });
  return run;
}

test(
  "O-07, P-24, L-10: killed, cut off and with full disks, brokers lose, double and skip nothing; no trace is left",
  { timeout: 180_000 },
  async () => {
    const { code, stdout, stderr } = await chaos(
      "kill partition disk-full --every 1s --for 15s --seed 11 --verify --json",
    ).ended;
    const report = JSON.parse(stdout) as ChaosReport;
    expect(report, stderr).toMatchObject({
      problems: [],
      skipped: [],
      workload: { anomalies: [], isReadToEnd: true },
      isOk: true,
    });
    expect(code).toBe(0);
    expect(report.faults.length).toBeGreaterThanOrEqual(1); // all three kinds, unless the machine is very busy
    expect(report.workload!.counts.acknowledged).toBeGreaterThan(1_000);
    expect(report.workload!.counts.polled).toBeGreaterThan(2_000); // by the lone consumer and by the group
    expect(readdirSync(cwd)).toEqual([]);
  },
);

test("Ctrl-C ends a run, heals what is broken and takes the cluster away", { timeout: 60_000 }, async () => {
  chaos("pause --verify --json");
  await run.says(/bootstrap/);
  run.child.kill("SIGINT");
  const { code, stdout } = await run.ended;
  expect(code).toBe(130);
  expect(JSON.parse(stdout)).toMatchObject({ wasStopped: true, workload: null });
  expect(readdirSync(cwd)).toEqual([]);
});
