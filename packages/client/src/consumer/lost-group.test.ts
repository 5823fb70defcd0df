import { eventually } from "@odradek/kit/testing";
import { startCluster } from "@odradek/testkit";
import { test } from "vitest";
import { createAdmin, createConsumer, createProducer } from "../index.ts";

test("KIP-848: a member whose commit hears that its group is gone joins again", async ({ expect }) => {
  await using cluster = await startCluster({ brokers: 1, topics: { t: 1 } });
  const { bootstrap } = cluster;
  await using admin = createAdmin({ bootstrap });
  await using producer = createProducer({ bootstrap });
  await producer.send({ topic: "t", messages: [{ value: "a" }] });
  // Its heart does not beat before the group has forgotten it.
  const times = { sessionTimeoutMs: 200, heartbeatIntervalMs: 600_000 };
  const options = { bootstrap, groupId: "g", autoOffsetReset: "earliest", isAutoCommit: false, ...times } as const;
  await using consumer = createConsumer(options);
  consumer.subscribe(["t"]);
  expect(await consumer.next()).toMatchObject({ records: [{ value: Buffer.from("a") }] });
  await eventually("the group can be deleted", () =>
    admin.deleteGroups(["g"]).then(
      () => true,
      () => false,
    ),
  );
  await expect(consumer.commit()).rejects.toMatchObject({ codeName: "GROUP_ID_NOT_FOUND" });
  // Nothing is committed any more: the new member begins where the first began.
  expect(await consumer.next({ timeoutMs: 10_000 })).toMatchObject({ records: [{ value: Buffer.from("a") }] });
});
