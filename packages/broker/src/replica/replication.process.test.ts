import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { eventually } from "@odradek/kit/testing";
import { buildBatch } from "@odradek/protocol";
import { expect, onTestFinished, test } from "vitest";

import { ReplicationProcesses } from "../testing/replication-processes.ts";

const ids = [1, 2, 3];

async function trio(): Promise<ReplicationProcesses> {
  const directory = mkdtempSync(join(tmpdir(), "odradek-replication-"));
  const brokers = new ReplicationProcesses(directory);
  onTestFinished(async () => {
    await brokers.close();
    rmSync(directory, { recursive: true, force: true });
  });
  for (const id of ids) await brokers.start(id);
  return brokers;
}

/** Of both partitions: the load goes to both. */
async function leads(brokers: ReplicationProcesses, id: number): Promise<void> {
  await eventually(`${id} leads`, async () => {
    for (const partition of [0, 1]) if ((await brokers.state(id, partition)).role !== "leader") return false;
    return true;
  });
}

const value = Buffer.alloc(2000, "x");
const records = buildBatch({ records: [{ key: null, value }], timestamp: Date.now() }).toString("base64");
const load = { partitions: 2, records, acks: -1, depth: 20, forMs: 500 } as const;

test(
  "P-01: processes, sockets and disks: what was acknowledged survives the leader's kill -9",
  { timeout: 60_000 },
  async () => {
    const brokers = await trio();
    brokers.assign({ leader: 1, leaderEpoch: 1, isr: ids, replicas: ids, partitions: 2, min: 2 });
    await leads(brokers, 1);
    const first = await brokers.append(1, load);
    expect(first.errors).toBe(0);
    expect(first.count).toBeGreaterThan(0);

    await brokers.kill(1);
    brokers.assign({ leader: 2, leaderEpoch: 2, isr: [2, 3], replicas: ids, partitions: 2, min: 2 });
    await leads(brokers, 2);
    const [one, two] = [await brokers.state(2, 0), await brokers.state(2, 1)];
    expect(one.end + two.end).toBeGreaterThanOrEqual(first.count);
    const second = await brokers.append(2, load);
    expect(second.errors).toBe(0);

    await brokers.start(1);
    brokers.assign({ leader: 2, leaderEpoch: 2, isr: [2, 3], replicas: ids, partitions: 2, min: 2 });
    const end = (await brokers.state(2, 0)).end;
    await eventually("1 has everything", async () => {
      const behind = await brokers.state(1, 0);
      return behind.end === end && behind.high === end;
    });
  },
);
