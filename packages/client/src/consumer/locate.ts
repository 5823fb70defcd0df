import { ErrorCode } from "@odradek/protocol";
import type { Cluster } from "../cluster/cluster.ts";
import { type At, fetchOffsets, groupedBy, listOffsets, partitionName } from "../cluster/offsets.ts";
import { KafkaError } from "../errors.ts";
import type { ConsumerSettings, OffsetReset } from "./options.ts";
import type { Position } from "./position.ts";

/**
 * Finds out where to begin with these positions: what the group has committed, else by policy. One attempt; throws KafkaErrors, after it has
 * found what can be found: a partition without a leader holds up no other.
 */
export async function locate(
  cluster: Cluster,
  settings: ConsumerSettings,
  positions: readonly Position[],
): Promise<void> {
  for (const topic of new Set(positions.map((one) => one.topic))) await cluster.topic(topic);
  await locateCommitted(
    cluster,
    settings.groupId,
    positions.filter(({ start }) => start === "committed"),
  );
  const rest = positions.filter(({ fetchOffset }) => fetchOffset === null);
  const questions = [...groupedBy(rest, ({ start }) => start)].flatMap(([start, list]) => {
    const at = start === "committed" || typeof start === "number" ? policyFor(list[0]!, settings) : start;
    const byLeader = groupedBy(list, ({ topic, partition }) => cluster.knownRoute(topic, partition)?.leader);
    return [...byLeader.values()].map((mine) => ({ mine, at }));
  });
  const outcomes = await Promise.allSettled(questions.map(({ mine, at }) => locateAt(cluster, settings, mine, at)));
  const failure = outcomes.find((outcome) => outcome.status === "rejected");
  if (failure !== undefined) throw failure.reason;
}

async function locateAt(
  cluster: Cluster,
  { isolationLevel }: ConsumerSettings,
  positions: readonly Position[],
  at: At,
): Promise<void> {
  for (const found of await listOffsets(cluster, positions, at, isolationLevel)) {
    const position = positions.find((one) => one.topic === found.topic && one.partition === found.partition)!;
    // No record as young as the time asked for: begin behind the last one.
    if (found.offset >= 0) position.begin(found.offset);
    else position.start = "latest";
  }
}

async function locateCommitted(
  cluster: Cluster,
  groupId: string | null,
  positions: readonly Position[],
): Promise<void> {
  if (positions.length === 0 || groupId === null) return;
  for (const { topic, partition, offset, leaderEpoch } of await fetchOffsets(cluster, groupId, positions)) {
    const position = positions.find((one) => one.topic === topic && one.partition === partition);
    position?.begin(offset, leaderEpoch);
    if (position !== undefined) position.committed = offset;
  }
}

/** Where to begin when nothing else says so. Throws a KafkaError when nothing shall. */
function policyFor(
  position: Position,
  { autoOffsetReset }: { readonly autoOffsetReset: OffsetReset },
): "earliest" | "latest" {
  if (autoOffsetReset !== "none") return autoOffsetReset;
  throw new KafkaError(
    ErrorCode.OFFSET_OUT_OF_RANGE,
    partitionName(position),
    'there is no place to begin, and autoOffsetReset is "none"',
  );
}
