import { table } from "../terminal/table.ts";
import type { DevCluster } from "./cluster.ts";
import type { NodePlan } from "./plan.ts";

/** What is running and where, for the person who started it. */
export function statusTable(cluster: DevCluster): string {
  const rows = cluster
    .states()
    .map(({ plan, identity, is }) => [
      `${plan.role} ${plan.id}`,
      is === "ended" ? "DOWN" : is,
      plan.address,
      plan.url,
      is === "ended" ? "-" : String(identity.pid),
    ]);
  return table(["NODE", "STATE", "ADDRESS", "HTTP", "PID"], rows);
}

export function firstCommands(plans: readonly NodePlan[]): string {
  const brokers = plans.filter(({ role }) => role === "broker").map(({ address }) => address);
  const lines = [
    `bootstrap   ${brokers.join(",")}`,
    `look        kcat -b ${brokers[0]} -L      npx odradek status      npx odradek meta tree`,
  ];
  if (brokers.length > 1) lines.push("break       npx odradek kill broker 2      npx odradek restart broker 2");
  return `${lines.join("\n")}\n`;
}
