import type { Operation } from "@odradek/metadata/client";
import { ErrorCode } from "@odradek/protocol";
import type { Cluster } from "../cluster/cluster.ts";
import type { ClusterImage } from "../cluster/image.ts";
import { encode, type PartitionNode, paths } from "../cluster/nodes.ts";
import { registrationChecks } from "../cluster/registration-checks.ts";
import { limits } from "../limits.ts";
import type { Problem } from "./create-topic.ts";
import { anyLeader, preferredLeader } from "./elect.ts";

export type Election = "preferred" | "unclean";
export type Candidacy = { readonly topic: string; readonly partition: number };

/** Partitions per transaction: one that somebody else writes at the same moment makes the others of its transaction wait. */
const ELECTIONS_AT_ONCE = 100;

/**
 * Elects leaders by hand, on whichever broker is asked: a compare-and-set on each partition's node, so it never undoes what the controller
 * or a leader has decided meanwhile (RELIABILITY P-19). One result per partition, in order.
 */
export async function electLeaders(
  cluster: Cluster,
  election: Election,
  wanted: readonly Candidacy[],
): Promise<Problem[]> {
  const results: Problem[] = [];
  for (let from = 0; from < wanted.length; from += ELECTIONS_AT_ONCE)
    results.push(...(await electSome(cluster, election, wanted.slice(from, from + ELECTIONS_AT_ONCE))));
  return results;
}

async function electSome(cluster: Cluster, election: Election, wanted: readonly Candidacy[]): Promise<Problem[]> {
  const results = wanted.map((): Problem => timedOut);
  let left = wanted.map((candidacy, at) => ({ ...candidacy, at }));
  for (let attempt = 0; attempt < limits.transactionTriesMax && left.length > 0; attempt++) {
    const { image } = cluster;
    const members = new Set<number>();
    const writes: Operation[] = [];
    left = left.filter(({ topic, partition, at }) => {
      const decided = decide(image, election, { topic, partition });
      if ("error" in decided) {
        // A partition that an earlier try of ours has changed needs no election any more.
        results[at] = decided;
        return false;
      }
      for (const id of decided.node.isr) members.add(id);
      const data = encode(decided.node);
      writes.push({ is: "set", path: paths.partition(topic, partition), data, version: decided.version });
      return true;
    });
    if (writes.length === 0) break;
    const outcome = await cluster.multi([...registrationChecks(image, members), ...writes]);
    if (outcome.is === "unknown") break;
    const revision = outcome.is === "done" ? outcome.revision : image.revision + 1;
    await cluster.reached(revision, { timeoutMs: limits.leaderTimeoutMs });
    if (outcome.is !== "done") continue;
    for (const { at } of left) results[at] = done;
    break;
  }
  return results;
}

/** Whom Kafka would elect, or its error (KIP-460). */
function decide(
  image: ClusterImage,
  election: Election,
  { topic, partition }: Candidacy,
): { node: PartitionNode; version: number } | Problem {
  const found = image.topics.get(topic);
  if (!found) return { error: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, message: `No such topic as ${topic}` };
  const now = found.partitions[partition];
  if (!now || now.version === 0)
    return { error: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, message: `No such partition as ${topic}-${partition}` };
  if (election === "preferred" ? now.leader === now.replicas[0] : now.leader >= 0) return notNeeded;
  const node = election === "preferred" ? preferredLeader(image, now) : anyLeader(image, now);
  if (node) return { node, version: now.version };
  return election === "preferred" ? noPreferred : noneEligible;
}

const done: Problem = { error: ErrorCode.NONE, message: "" };
const timedOut: Problem = { error: ErrorCode.REQUEST_TIMED_OUT, message: "The coordination store did not answer." };
const notNeeded: Problem = {
  error: ErrorCode.ELECTION_NOT_NEEDED,
  message: "Leader election not needed for topic partition.",
};
const noPreferred: Problem = {
  error: ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE,
  message: "The preferred leader was not available.",
};
const noneEligible: Problem = {
  error: ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE,
  message: "Eligible topic partition leaders are not available.",
};
