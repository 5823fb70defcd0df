import { brokerStatements, numberOf } from "../config.ts";
import type { ClusterImage } from "./image.ts";
import { ALL_BROKERS } from "./nodes.ts";

/** Bytes a second that this broker may send to followers, or take from leaders, of throttled replicas; Infinity: no bound (KIP-73). */
export function throttledRate({ brokerConfigs }: ClusterImage, brokerId: number, side: "leader" | "follower"): number {
  const [stated] = brokerStatements(`${side}.replication.throttled.rate`, {
    broker: brokerConfigs.get(String(brokerId))?.settings ?? {},
    brokers: brokerConfigs.get(ALL_BROKERS)?.settings ?? {},
    static: new Map(),
  });
  return stated ? numberOf(stated.value) : Infinity;
}
