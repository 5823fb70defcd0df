import { afterAll } from "vitest";
import { LocalCluster } from "../../../../scripts/testing/local-cluster.ts";

/**
 * Where the tests of this package find a cluster: KAFKA_BOOTSTRAP when it is set, any Kafka; else a cluster of our own of real
 * processes, ended after the file's tests. Call it in `beforeAll`.
 */
export async function testBootstrap(): Promise<string> {
  const given = process.env["KAFKA_BOOTSTRAP"];
  if (given !== undefined && given !== "") return given;
  const cluster = await LocalCluster.start({ brokers: 3, metadata: 1 });
  afterAll(() => cluster.stop());
  return cluster.bootstrap;
}
