import type { ClusterStatus } from "./cluster-health.ts";

/** What is different now, a line each; without a before, how things stand. */
export function changesOf(before: ClusterStatus | null, now: ClusterStatus): string[] {
  if (before === null) return [summary(now)];
  const changes = [
    ...changed("the cluster is", before.health, now.health),
    ...changed("controller", before.controller ?? "none", now.controller ?? "none"),
    ...metaChanges(before, now),
    ...changed("partitions", before.partitions.total, now.partitions.total),
    ...changed("under-replicated", before.partitions.underReplicated, now.partitions.underReplicated),
    ...changed("offline", before.partitions.offline, now.partitions.offline),
  ];
  for (const broker of now.brokers) {
    const name = `broker ${broker.broker}`;
    const was = before.brokers.find((one) => one.broker === broker.broker);
    if (was === undefined) changes.push(`${name} ${broker.state}, new`);
    else
      changes.push(
        ...changed(name, was.state, broker.state),
        ...changed(`${name} leads`, was.leaders, broker.leaders),
        ...changed(`${name} out of sync`, was.outOfSync, broker.outOfSync),
      );
  }
  for (const { broker } of before.brokers)
    if (!now.brokers.some((one) => one.broker === broker)) changes.push(`broker ${broker} is not known any more`);
  return changes;
}

type Shown = string | number;

const changed = (what: string, before: Shown, now: Shown): string[] =>
  before === now ? [] : [`${what} ${now}, before ${before}`];

const listed = (ids: readonly number[]): string => (ids.length === 0 ? "none" : ids.join(", "));

function metaChanges({ meta: before }: ClusterStatus, { meta: now }: ClusterStatus): string[] {
  if (before === null || now === null) return [];
  const [was, is] = [before, now].map(({ leader, term }) => (leader === null ? "none" : `${leader} term ${term}`));
  return [
    ...changed("metadata leader", was!, is!),
    ...changed(`metadata nodes up (of ${now.members})`, before.up, now.up),
    ...changed("metadata nodes short of disk space", listed(before.shortOfDisk), listed(now.shortOfDisk)),
  ];
}

function summary({ health, brokers, controller, meta, partitions }: ClusterStatus): string {
  const up = brokers.filter(({ state }) => state === "up").length;
  const parts = [`${health}: ${up} of ${brokers.length} brokers up`, `controller ${controller ?? "none"}`];
  if (meta !== null) parts.push(`metadata leader ${meta.leader ?? "none"} (${meta.up} of ${meta.members} up)`);
  const { total, underReplicated, offline } = partitions;
  parts.push(`${total} partitions`, `under-replicated ${underReplicated}`, `offline ${offline}`);
  return parts.join(", ");
}
