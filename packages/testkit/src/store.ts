import { type Logger, SystemClock, SystemRandom } from "@odradek/kit";
import { MemoryFiles, MemoryKv, type MemoryNetwork } from "@odradek/kit/testing";
import { type MetadataNode, startNode } from "@odradek/metadata/node";

export const STORE_NAME = "metadata";
const ADDRESS = `${STORE_NAME}:2181`;

/** As brokers are told of it. */
export const storeMembers = `1=${ADDRESS}`;

/** A coordination store of one member, in memory. */
export async function startStore(network: MemoryNetwork, logger: Logger): Promise<MetadataNode> {
  const config = { id: 1, dataDirectory: "/metadata", listen: ADDRESS, health: "", controlFd: null };
  const node = await startNode(
    { ...config, members: new Map([[1, ADDRESS]]) },
    {
      clock: new SystemClock(),
      random: new SystemRandom(),
      files: new MemoryFiles(0),
      rpc: network.rpc(STORE_NAME),
      logger: logger.child({ metadata: 1 }),
      openKv: () => Promise.resolve(new MemoryKv()),
      onFailed: (error) => logger.error({ evt: "FAILED", err: error }, "the coordination store gave up"),
    },
  );
  await node.ready;
  return node;
}
