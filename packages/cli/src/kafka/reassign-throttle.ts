import type { Admin, ConfigChange } from "@odradek/client";
import type { Placed } from "./reassign-plan.ts";

// A throttle is four settings (KIP-73), as kafka-reassign-partitions makes them: a rate on every broker that takes part, and on every
// topic the replicas that it holds back: those that send, and those that are new.

const rates = ["leader.replication.throttled.rate", "follower.replication.throttled.rate"] as const;
const lists = ["leader.replication.throttled.replicas", "follower.replication.throttled.replicas"] as const;

export async function throttleMoves(admin: Admin, plan: readonly Placed[], bytesPerSecond: number): Promise<void> {
  const names = [...new Set(plan.map(({ topic }) => topic))];
  const now = await admin.describeTopics(names);
  const ids = new Set<number>();
  const changes = now.map(({ name, partitions }): ConfigChange => {
    const sending: string[] = [];
    const taking: string[] = [];
    for (const { partition, replicas } of plan.filter(({ topic }) => topic === name)) {
      const before = partitions[partition]?.replicas ?? [];
      const fresh = replicas.filter((id) => !before.includes(id));
      for (const id of [...before, ...fresh]) ids.add(id);
      sending.push(...before.map((id) => `${partition}:${id}`));
      taking.push(...fresh.map((id) => `${partition}:${id}`));
    }
    return { type: "topic", name, set: { [lists[0]]: sending.join(","), [lists[1]]: taking.join(",") } };
  });
  const rate = { [rates[0]]: String(bytesPerSecond), [rates[1]]: String(bytesPerSecond) };
  changes.push(...[...ids].map((id): ConfigChange => ({ type: "broker", name: String(id), set: rate })));
  await admin.alterConfigs(changes);
}

/** Takes back what `throttleMoves` set, wherever it is set. Answers whether there was anything. */
export async function clearThrottles(admin: Admin): Promise<boolean> {
  const { brokers } = await admin.describeCluster();
  const topics = await admin.listTopics();
  const resources = await admin.describeConfigs([
    ...topics.map(({ name }) => ({ type: "topic" as const, name })),
    ...brokers.map(({ id }) => ({ type: "broker" as const, name: String(id) })),
  ]);
  const changes = resources.flatMap(({ type, name, configs }): ConfigChange[] => {
    const ours: readonly string[] = type === "topic" ? lists : rates;
    const own = type === "topic" ? "topic" : "dynamic broker";
    const unset = configs.filter((config) => ours.includes(config.name) && config.source === own);
    return unset.length === 0 ? [] : [{ type, name, unset: unset.map((config) => config.name) }];
  });
  if (changes.length > 0) await admin.alterConfigs(changes);
  return changes.length > 0;
}
