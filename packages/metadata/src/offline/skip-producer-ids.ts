import { assert } from "@odradek/kit";
import { decide } from "../tree/decide.ts";
import { TreeStateMachine } from "../tree/machine.ts";
import { replay } from "../tree/replay.ts";

const PATH = "/producer-ids";
/** A million a second for twelve days; there is room for eight thousand such steps. */
const SKIPPED = 2 ** 40;

/**
 * A snapshot's data without the danger that ids which brokers have handed out since are handed out once more: their records would be taken
 * for repetitions, or for gaps (RELIABILITY I-11). So many are left out that it cannot matter how many there were. It is one more
 * revision. A tree without producer ids stays as it is.
 */
export function skipProducerIds({ data, savedAtMs: timeMs }: { data: Buffer; savedAtMs: number }): Buffer {
  const machine = new TreeStateMachine();
  machine.restore(data);
  const node = machine.state.node(PATH);
  if (node === undefined) return data;
  const { next } = JSON.parse(node.data.toString()) as { next: number };
  assert(Number.isSafeInteger(next) && next >= 0, "the next producer id is a number");
  const skipped = Buffer.from(JSON.stringify({ next: next + SKIPPED }));
  const { entry } = decide(machine.state, [{ is: "set", path: PATH, data: skipped, version: node.version }], null);
  assert(entry, "a change of one small node is legal");
  replay(machine.state, entry, { timeMs, cause: "request", session: null, name: "restore" });
  return machine.snapshot();
}
