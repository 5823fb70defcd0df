import { silentLogger, SystemClock, SystemRandom } from "@odradek/kit";
import { memberStatus, openSession, type Session } from "@odradek/metadata/client";
import { grpcRpc } from "@odradek/rpc";

export type Tree = { session: Session; metadataLeader: () => Promise<number> };

/** Opens a session with the metadata nodes for the time of `use`. */
export async function withTree<T>(members: Map<number, string>, use: (tree: Tree) => Promise<T>): Promise<T> {
  const rpc = grpcRpc();
  const session = await openSession({
    members,
    rpc,
    clock: new SystemClock(),
    random: new SystemRandom(),
    logger: silentLogger,
    connectTimeoutMs: 10_000,
  });
  const metadataLeader = async (): Promise<number> => {
    for (const address of members.values()) {
      const status = await memberStatus({ address, rpc, timeoutMs: 2_000 }).catch(() => null);
      if (status?.leader) return status.leader;
    }
    throw new Error("no metadata node knows a leader");
  };
  try {
    return await use({ session, metadataLeader });
  } finally {
    await session.close();
  }
}
