/** What this broker is for a partition. A follower of leader -1 waits for the next picture. */
export type Role =
  | { is: "leader"; leaderEpoch: number }
  | { is: "follower"; leader: number; leaderEpoch: number }
  | { is: "offline"; reason: string; leader: number; leaderEpoch: number };

/** Whom a client should ask instead: KIP-951's hint; undefined when nobody is known. */
export function leaderHint(role: Role): { id: number; epoch: number } | undefined {
  if (role.is === "leader" || role.leader < 0) return undefined;
  return { id: role.leader, epoch: role.leaderEpoch };
}
