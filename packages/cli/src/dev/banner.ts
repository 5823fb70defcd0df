import { table } from "../terminal/table.ts";
import type { DevCluster } from "./cluster.ts";
import type { NodePlan } from "./plan.ts";
import { isFoundHere } from "./state-file.ts";

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

/** What to type next, so that it works where `dev` was started. */
export function firstCommands(plans: readonly NodePlan[], dataDir: string): string {
  const brokers = plans.filter(({ role }) => role === "broker").map(({ address }) => address);
  const lines = [`bootstrap   ${brokers.join(",")}`];
  if (!isFoundHere(dataDir)) {
    const members = plans.filter(({ role }) => role === "metadata").map(({ id, address }) => `${id}=${address}`);
    lines.push(`first       export ODRADEK_BROKERS=${brokers.join(",")} ODRADEK_META=${members.join(",")}`);
  }
  lines.push(`look        kcat -b ${brokers[0]} -L      npx odradek status      npx odradek meta tree`);
  if (brokers.length > 1)
    lines.push(
      `break       ${nodeCommand("kill", "broker 2", dataDir)}      ${nodeCommand("restart", "broker 2", dataDir)}`,
    );
  return `${lines.join("\n")}\n`;
}

/** How a node of the cluster in `dataDir` is killed or restarted from here. */
export function nodeCommand(verb: "kill" | "restart", node: string, dataDir: string): string {
  const flag = isFoundHere(dataDir) ? "" : ` --data-dir ${inShell(dataDir)}`;
  return `npx odradek ${verb} ${node}${flag}`;
}

function inShell(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
