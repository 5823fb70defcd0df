import { table } from "../terminal/table.ts";
import type { ClusterStatus } from "./cluster-health.ts";

/** The first screen people look at: who is up, what is wrong and what to do about it, who lags. */
export function statusText(seen: ClusterStatus): string {
  const rows = seen.brokers.map((broker) => [
    `${broker.broker}${broker.controller ? "*" : ""}`,
    broker.state,
    broker.host ?? "-",
    String(broker.leaders),
    String(broker.replicas),
    String(broker.outOfSync),
  ]);
  const parts = [
    `${`CLUSTER ${seen.clusterId ?? "-"}   ${seen.health.toUpperCase()}   ${metaText(seen)}`.trimEnd()}\n`,
    table(["BROKER", "STATE", "HOST", "LEADERS", "REPLICAS", "OUT-OF-SYNC"], rows),
    `* controller   ${seen.partitions.total} partitions\n`,
    problems(seen),
  ];
  if (seen.groups.length > 0)
    parts.push(`GROUPS   ${seen.groups.map(({ group, lag }) => `${group} lag ${lag ?? "unknown"}`).join("   ")}\n`);
  return parts.join("");
}

function metaText({ meta }: ClusterStatus): string {
  if (meta === null) return "";
  const { leader, term, revision, up, members } = meta;
  if (leader === null) return `meta: no leader (${up}/${members} answer)`;
  return `meta: leader ${leader} term ${term} revision ${revision} (${up}/${members})`;
}

function problems({ brokers, partitions, meta }: ClusterStatus): string {
  const found: string[] = [];
  if (partitions.offline > 0) found.push(`offline ${partitions.offline}`);
  if (partitions.underReplicated > 0) found.push(`under-replicated ${partitions.underReplicated}`);
  for (const { broker, state, host } of brokers) {
    // Its address is known only where `odradek dev` started it; elsewhere the hint would lead nowhere.
    const hint = host === null ? "" : ` (npx odradek restart broker ${broker})`;
    if (state === "DOWN") found.push(`broker ${broker} is down${hint}`);
  }
  for (const member of meta?.shortOfDisk ?? []) found.push(`metadata ${member} is short of disk space`);
  return found.length === 0 ? "" : `PROBLEMS ${found.join("   ")}\n`;
}
