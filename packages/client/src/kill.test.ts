import { eventually } from "@odradek/kit/testing";
import { describe, test } from "vitest";
import { LocalCluster } from "../../../scripts/testing/local-cluster.ts";
import { createAdmin, createConsumer, createProducer } from "./index.ts";

// Needs processes that it may kill, so it always runs against a cluster of its own.
const given = process.env["KAFKA_BOOTSTRAP"];
const isElsewhere = given !== undefined && given !== "";

describe.runIf(!isElsewhere)("brokers are killed with -9, one after the other", () => {
  test(
    "every acknowledged record is there once, at its offset, in order; the group reads on",
    { timeout: 120_000 },
    async ({ expect }) => {
      await using cluster = await LocalCluster.start({ brokers: 3, metadata: 1 });
      const { bootstrap } = cluster;
      const topic = "kill";
      await using admin = createAdmin({ bootstrap });
      await admin.createTopics([{ name: topic, partitionCount: 3, replicationFactor: 3 }]);
      await using producer = createProducer({ bootstrap, requestTimeoutMs: 10_000 });
      const acked = new Map<string, number>();
      const failures: unknown[] = [];
      const killing = new AbortController();
      const producing = (async () => {
        for (let number = 0; !killing.signal.aborted; number += 30) {
          const sends = Array.from({ length: 30 }, (_, i) => {
            const value = number + i;
            return producer.send({ topic, messages: [{ value: String(value), partition: value % 3 }] }).then(
              ([place]) => void acked.set(`${place!.partition}@${place!.offset}`, value),
              (error: unknown) => void failures.push(error),
            );
          });
          await Promise.all(sends);
        }
      })();
      const consumer = createConsumer({
        bootstrap,
        groupId: "kill",
        autoOffsetReset: "earliest",
        heartbeatIntervalMs: 500,
        sessionTimeoutMs: 6_000,
      });
      consumer.subscribe([topic]);
      const seen = new Map<string, number>();
      const consuming = (async () => {
        for await (const { partition, records } of consumer) {
          for (const { offset, value } of records) seen.set(`${partition}@${offset}`, Number(value!.toString()));
        }
      })();
      for (const broker of cluster.brokers.values()) {
        const before = acked.size;
        await eventually("acknowledgements before the kill", () => acked.size > before + 300, 30_000);
        await broker.kill();
        const after = acked.size;
        await eventually("acknowledgements with a broker dead", () => acked.size > after + 300, 30_000);
        await broker.start();
        const everywhere = async (): Promise<boolean> =>
          (await admin.describeTopics([topic]))[0]!.partitions.every(
            ({ inSyncReplicas }) => inSyncReplicas.length === 3,
          );
        await eventually("all replicas in sync", everywhere, 30_000);
      }
      killing.abort();
      await producing;
      expect(failures).toEqual([]);
      await eventually(
        "the group has seen everything acknowledged",
        () => [...acked.keys()].every((place) => seen.has(place)),
        20_000,
      );
      await consumer.close();
      await consuming;
      for (const [place, value] of acked) expect(seen.get(place)).toBe(value);
      const values = [...seen.values()];
      expect(new Set(values).size).toBe(values.length);
      for (const partition of [0, 1, 2]) {
        const mine = [...seen]
          .filter(([place]) => place.startsWith(`${partition}@`))
          .map(([place, value]) => [Number(place.slice(2)), value] as const);
        const ordered = mine.toSorted(([a], [b]) => a - b).map(([, value]) => value);
        expect(ordered).toEqual(ordered.toSorted((a, b) => a - b));
      }
    },
  );
});
