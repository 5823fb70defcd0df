import type { Partition } from "../partition/partition.ts";
import type { Parts, RequestScope } from "./handler.ts";
import { endpointFor } from "./metadata.ts";

/** First version that says where the client stands, and is told where to read instead. */
const RACKS_SINCE = 11;

/** Whether a client may read from a replica near it (KIP-392): it says its rack, and this cluster goes by racks (replica.selector.class). */
export const readsNearby = (
  { config }: Pick<Parts, "config">,
  { rackId }: { rackId: string },
  { version }: Pick<RequestScope, "version">,
): boolean => config.fetch.isRackAware && version >= RACKS_SINCE && rackId !== "";

/**
 * The in-sync replica in the client's rack that has most of the log, when the leader stands in another rack; null: read from the leader.
 * Kafka's RackAwareReplicaSelector.
 */
export function replicaNear(
  { cluster }: Pick<Parts, "cluster">,
  partition: Partition,
  client: { rackId: string; offset: number; listener: string },
): number | null {
  const { image, brokerId } = cluster;
  if (image.brokers.get(brokerId)?.rack === client.rackId) return null;
  let nearest: { id: number; end: number } | null = null;
  for (const holder of partition.holders(client.offset)) {
    const broker = image.brokers.get(holder.id);
    if (broker?.rack !== client.rackId || broker.shuttingDown || !endpointFor(broker, client.listener)) continue;
    if (nearest === null || holder.end > nearest.end) nearest = holder;
  }
  return nearest?.id ?? null;
}
