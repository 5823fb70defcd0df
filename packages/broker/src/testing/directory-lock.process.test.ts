import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ProcessCluster } from "./processes.ts";

describe("L-26: two processes and one data directory", () => {
  let cluster: ProcessCluster;
  beforeAll(async () => {
    cluster = await ProcessCluster.start({ metadata: 1, brokers: 1 });
  }, 60_000);
  afterAll(() => cluster?.close());

  it("the second is turned away before it touches anything; a kill -9 of the first lets the next one in", async () => {
    const first = cluster.broker(1);
    await expect(cluster.startBroker(1)).rejects.toThrow("is in use by another broker");
    expect(await cluster.broker(1).exited).toBe(1);
    expect(first.isRunning).toBe(true);
    await first.kill("SIGKILL");
    await cluster.startBroker(1);
  }, 60_000);
});
