import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { buildBatch } from "@odradek/protocol";
import { expect, onTestFinished, test } from "vitest";

import { ReplicationProcesses } from "../testing/replication-processes.ts";

const ids = [1, 2, 3];

async function trio(): Promise<ReplicationProcesses> {
  const directory = mkdtempSync(join(tmpdir(), "odradek-replication-"));
  const brokers = new ReplicationProcesses({ directory });
  onTestFinished(async () => {
    await brokers.close();
    rmSync(directory, { recursive: true, force: true });
  });
  for (const id of ids) await brokers.start(id);
  return brokers;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 15_000;
  while (!(await holds())) if (performance.now() > deadlineMs) throw new Error("not so within 15 s");
}

const load = (acks: -1 | 1) => {
  const value = Buffer.alloc(2000, "x");
  const records = buildBatch({ records: [{ key: null, value }], timestamp: Date.now() }).toString("base64");
  return { partitions: 2, records, acks, depth: 20, forMs: 500 };
};

test(
  "P-01: processes, sockets and disks: what was acknowledged survives the leader's kill -9",
  { timeout: 60_000 },
  async () => {
    const brokers = await trio();
    brokers.assign({ leader: 1, leaderEpoch: 1, isr: ids, replicas: ids, partitions: 2, min: 2 });
    await until(async () => (await brokers.state(1, 1)).role === "leader");
    const first = await brokers.append(1, load(-1));
    expect(first.errors).toBe(0);
    expect(first.count).toBeGreaterThan(0);

    await brokers.kill(1);
    brokers.assign({ leader: 2, leaderEpoch: 2, isr: [2, 3], replicas: ids, partitions: 2, min: 2 });
    await until(async () => (await brokers.state(2, 1)).role === "leader");
    const [one, two] = [await brokers.state(2, 0), await brokers.state(2, 1)];
    expect(one.end + two.end).toBeGreaterThanOrEqual(first.count);
    const second = await brokers.append(2, load(-1));
    expect(second.errors).toBe(0);

    await brokers.start(1);
    brokers.assign({ leader: 2, leaderEpoch: 2, isr: [2, 3], replicas: ids, partitions: 2, min: 2 });
    const end = (await brokers.state(2, 0)).end;
    await until(async () => (await brokers.state(1, 0)).end === end && (await brokers.state(1, 0)).high === end);
  },
);
