import { createAdmin, type Admin } from "@odradek/client";
import { askMembers } from "../meta/status.ts";
import type { ChaosCluster } from "./cluster.ts";

const askMs = 2_000;
const pauseMs = 200;

/** Waits until every node is there and every replica in sync. Returns false when that takes longer than `timeoutMs`. */
export async function whole(cluster: ChaosCluster, timeoutMs: number, stop: AbortSignal): Promise<boolean> {
  await using admin = createAdmin({
    ...{ bootstrap: cluster.roster.bootstrap, clientId: "odradek-chaos" },
    ...{ connectTimeoutMs: askMs, requestTimeoutMs: askMs, operationTimeoutMs: askMs },
  });
  const deadlineMs = performance.now() + timeoutMs;
  while (performance.now() < deadlineMs && !stop.aborted) {
    if (await isWhole(admin, cluster)) return true;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return false;
}

async function isWhole(admin: Admin, { roster: { nodes, members } }: ChaosCluster): Promise<boolean> {
  try {
    const [rows, { brokers }, topics] = await Promise.all([
      askMembers(members),
      admin.describeCluster(),
      admin.listTopics(),
    ]);
    const described = topics.length === 0 ? [] : await admin.describeTopics(topics.map(({ name }) => name));
    const partitions = described.flatMap((topic) => topic.partitions);
    return (
      rows.every(({ status }) => status !== null) &&
      brokers.length === nodes.brokers.length &&
      partitions.every(
        ({ leader, replicas, inSyncReplicas }) => leader >= 0 && inSyncReplicas.length === replicas.length,
      )
    );
  } catch {
    return false; // whatever it was, this is not how a whole cluster answers
  }
}
