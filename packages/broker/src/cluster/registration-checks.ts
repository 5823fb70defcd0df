import type { Operation } from "@odradek/metadata/client";
import type { ClusterImage } from "./image.ts";
import { paths } from "./nodes.ts";

/**
 * Every transaction that writes in-sync replicas carries one check per member: nobody in the new set has registered since
 * `image`. So a member whose registration is younger than the partition's node is always one that restarted and was not
 * fenced yet, however many other writes came in between (RELIABILITY P-12, P-22). Nodes of known brokers are never deleted,
 * so their version also tells a registration from one after an expiry (no ABA).
 */
export function registrationChecks(image: ClusterImage, members: Iterable<number>): Operation[] {
  return [...new Set(members)].flatMap((id): Operation[] => {
    const known = image.known.get(id);
    return known ? [{ is: "check", path: paths.knownBroker(id), version: known.version }] : [];
  });
}

/** False: the broker is gone, stopping, or has restarted since the partition's node was written; it must not count as in sync. */
export function isIntact(image: ClusterImage, id: number, modifiedRevision: number): boolean {
  const broker = image.brokers.get(id);
  return broker !== undefined && !broker.shuttingDown && broker.registeredRevision < modifiedRevision;
}
