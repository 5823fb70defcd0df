import { expect, test } from "vitest";
import { encodeCommand } from "../tree/commands.ts";
import { TreeStateMachine } from "../tree/machine.ts";
import { skipProducerIds } from "./skip-producer-ids.ts";

function snapshotOf(nodes: Record<string, string>): Buffer {
  const machine = new TreeStateMachine();
  const operations = Object.entries(nodes).map(([path, data]) => ({
    ...{ is: "create" as const, path, data: Buffer.from(data) },
  }));
  machine.apply({ term: 1, data: encodeCommand({ is: "plant", operations }, 1) });
  return machine.snapshot();
}

function restored(data: Buffer): TreeStateMachine {
  const machine = new TreeStateMachine();
  machine.restore(skipProducerIds({ data, savedAtMs: 5 }));
  return machine;
}

const nextOf = (machine: TreeStateMachine): number =>
  (JSON.parse(machine.state.node("/producer-ids")!.data.toString()) as { next: number }).next;

test("I-11: ids that were handed out after a snapshot are not handed out again when it is restored, nor when it is restored twice", () => {
  const once = restored(snapshotOf({ "/producer-ids": '{"next":7000}', "/topics": "" }));
  expect(nextOf(once)).toBe(7000 + 2 ** 40);
  expect([once.state.node("/topics")?.version, once.state.sessions.size, once.state.revision]).toEqual([1, 0, 2]);
  expect(nextOf(restored(once.snapshot()))).toBe(7000 + 2 ** 41);
});

test("a tree that is not of brokers stays as it is", () => {
  const data = snapshotOf({ "/locks": "" });
  expect(skipProducerIds({ data, savedAtMs: 1 })).toBe(data);
});
