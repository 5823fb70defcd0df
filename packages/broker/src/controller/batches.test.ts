import { expect, test } from "vitest";
import { emptyImage } from "../cluster/image.ts";
import { limits } from "../limits.ts";
import { batches } from "./batches.ts";
import type { PartitionChange } from "./elect.ts";

const change = (partition: number, isLeaderless: boolean): PartitionChange => ({
  topic: "t",
  partition,
  version: 1,
  node: { replicas: [1, 2, 3], leader: 1, leaderEpoch: 2, isr: [1, 2] },
  isLeaderless,
});

test("elections come first, in transactions of their own: a live leader that changes its ISR can't make them fail", () => {
  const changes = [change(0, false), change(1, true), change(2, false), change(3, true)];
  const cut = batches(emptyImage, changes, { controllerEpochVersion: 7, changesMax: limits.multiOperationsMax });
  const written = cut.map((operations) =>
    operations.flatMap((one) => (one.is === "set" ? [one.path.split("/").at(-1)] : [])),
  );
  expect(written).toEqual([
    ["1", "3"],
    ["0", "2"],
  ]);
  for (const [fence] of cut) expect(fence).toEqual({ is: "check", path: "/controller-epoch", version: 7 });
});
