import { assert } from "@odradek/kit";
import type { Operation } from "@odradek/metadata/client";
import { candidatesOf } from "../cluster/eligible.ts";
import type { ClusterImage } from "../cluster/image.ts";
import { encode, paths } from "../cluster/nodes.ts";
import { registrationChecks } from "../cluster/registration-checks.ts";
import { limits } from "../limits.ts";
import type { PartitionChange } from "./elect.ts";

/** What a transaction costs besides the data of its nodes. */
const OPERATION_BYTES = 64;

/**
 * Changes cut into transactions, leaderless partitions first and by themselves: live leaders shrink their own ISRs at the same moment,
 * and losing against one of them must not hold an election back. Each one checks that we are still the controller, that every
 * partition is as the image has it, and that nobody who could lead has registered since (RELIABILITY P-19, P-22).
 */
export function batches(
  image: ClusterImage,
  changes: readonly PartitionChange[],
  options: { controllerEpochVersion: number; changesMax: number },
): Operation[][] {
  const fence: Operation = { is: "check", path: paths.controllerEpoch, version: options.controllerEpochVersion };
  const result: Operation[][] = [];
  let writes: Operation[] = [];
  let members = new Set<number>();
  let bytes = 0;
  const finish = (): void => {
    if (writes.length > 0) result.push([fence, ...registrationChecks(image, members), ...writes]);
    [writes, members, bytes] = [[], new Set(), 0];
  };
  let wasLeaderless = true;
  for (const change of [...changes].sort((one, other) => Number(other.isLeaderless) - Number(one.isLeaderless))) {
    const path = paths.partition(change.topic, change.partition);
    const data = encode(change.node);
    const size = data.length + path.length + OPERATION_BYTES;
    const others = new Set([...members, ...candidatesOf(change.node)]).size + 1;
    const isFull = writes.length + 1 + others > limits.multiOperationsMax || bytes + size > limits.multiBytesMax;
    if (isFull || writes.length >= options.changesMax || change.isLeaderless !== wasLeaderless) finish();
    wasLeaderless = change.isLeaderless;
    writes.push({ is: "set", path, data, version: change.version });
    for (const id of candidatesOf(change.node)) members.add(id);
    bytes += size;
  }
  finish();
  assert(
    result.every((operations) => operations.length <= limits.multiOperationsMax),
    "a transaction is within its bounds",
  );
  return result;
}
