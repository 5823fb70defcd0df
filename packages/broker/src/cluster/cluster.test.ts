import { VirtualClock } from "@odradek/kit/testing";
import { describe, expect, test } from "vitest";
import { MemoryTree } from "../testing/memory-session.ts";
import { startTestCluster } from "../testing/test-cluster.ts";

describe("cluster", () => {
  test("a registered broker is in its own picture", async () => {
    const clock = new VirtualClock();
    const tree = new MemoryTree(clock);
    const { cluster } = await startTestCluster({ tree, brokerId: 1, clock });
    expect(cluster.image.brokers.get(1)?.endpoints[0]?.port).toBe(9092);
    expect(cluster.image.clusterId).toBe("memory-cluster-id-0001");
    await cluster.close();
  });
});
