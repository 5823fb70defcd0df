import type { Operation } from "@odradek/metadata/client";
import { ErrorCode } from "@odradek/protocol";
import type { Cluster } from "../cluster/cluster.ts";
import { candidatesOf, withEligible } from "../cluster/eligible.ts";
import type { ClusterImage, PartitionImage } from "../cluster/image.ts";
import { encode, type PartitionNode, paths } from "../cluster/nodes.ts";
import { registrationChecks } from "../cluster/registration-checks.ts";
import { limits } from "../limits.ts";
import type { Problem } from "./create-topic.ts";

export type PartitionName = { readonly topic: string; readonly partition: number };

/** What a partition's node should become, or why it stays as it is. Asked again when somebody else was faster. */
export type Decide<Wanted> = (image: ClusterImage, now: PartitionImage, wanted: Wanted) => PartitionNode | Problem;

/** Partitions per transaction: one that somebody else writes at the same moment makes the others of its transaction wait. */
const CHANGES_AT_ONCE = 100;

/**
 * Changes partitions by hand, on whichever broker is asked: a compare-and-set on each partition's node, so it never undoes what the controller
 * or a leader has decided meanwhile (RELIABILITY P-14, P-19). One result per partition, in order.
 */
export async function changePartitions<Wanted extends PartitionName>(
  cluster: Cluster,
  wanted: readonly Wanted[],
  decide: Decide<Wanted>,
): Promise<Problem[]> {
  const results: Problem[] = [];
  for (let from = 0; from < wanted.length; from += CHANGES_AT_ONCE)
    results.push(...(await changeSome(cluster, wanted.slice(from, from + CHANGES_AT_ONCE), decide)));
  return results;
}

async function changeSome<Wanted extends PartitionName>(
  cluster: Cluster,
  wanted: readonly Wanted[],
  decide: Decide<Wanted>,
): Promise<Problem[]> {
  const results = wanted.map((): Problem => timedOut);
  let left = wanted.map((one, at) => ({ one, at }));
  for (let attempt = 0; attempt < limits.transactionTriesMax && left.length > 0; attempt++) {
    const { image } = cluster;
    const members = new Set<number>();
    const writes: Operation[] = [];
    left = left.filter(({ one, at }) => {
      const now = image.topics.get(one.topic)?.partitions[one.partition];
      const decided = now && now.version > 0 ? decide(image, now, one) : missing(image, one);
      if ("error" in decided) {
        results[at] = decided;
        return false;
      }
      const { minInsyncReplicas } = cluster.topicConfig(one.topic);
      const node = withEligible(image, now!, { becomes: decided, minInsyncReplicas });
      for (const id of candidatesOf(node)) members.add(id);
      const path = paths.partition(one.topic, one.partition);
      writes.push({ is: "set", path, data: encode(node), version: now!.version });
      return true;
    });
    if (writes.length === 0) break;
    const outcome = await cluster.transact([...registrationChecks(image, members), ...writes]);
    if (outcome.is === "unanswered") {
      for (const { at } of left) results[at] = outcome;
      break;
    }
    const revision = outcome.is === "done" ? outcome.revision : image.revision + 1;
    await cluster.reached(revision, { timeoutMs: limits.leaderTimeoutMs });
    if (outcome.is !== "done") continue;
    for (const { at } of left) results[at] = done;
    break;
  }
  return results;
}

const missing = (image: ClusterImage, { topic, partition }: PartitionName): Problem => ({
  error: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  message: image.topics.has(topic) ? `No such partition as ${topic}-${partition}` : `No such topic as ${topic}`,
});

const done: Problem = { error: ErrorCode.NONE, message: "" };
const timedOut: Problem = { error: ErrorCode.REQUEST_TIMED_OUT, message: "The partitions changed too fast." };
