import type { RpcServer } from "@odradek/kit";

import { Feed, type FeedParts } from "../replica/feed.ts";
import { follow, reread } from "../replica/messages.ts";
import { rereadFor } from "../replica/reread.ts";
import { Throttle } from "../replica/throttle.ts";

export type ReplicationParts = Omit<FeedParts, "throttles"> & {
  /** Bytes a second for replicas that are named for a throttle, as the settings of now have it. */
  throttledRate: (broker: number, side: "leader" | "follower") => number;
};

/** Serves the replication streams of followers, and replicas that mend their logs, on a server that is about to listen. */
export function serveReplication(server: RpcServer, { throttledRate, ...parts }: ReplicationParts): void {
  const { clock, brokerId } = parts;
  const throttles = {
    leader: new Throttle(clock, () => throttledRate(brokerId, "leader")),
    ofFollower: (broker: number) => new Throttle(clock, () => throttledRate(broker, "follower")),
  };
  server.accept(follow, (stream) => new Feed({ ...parts, throttles }, stream));
  server.handle(reread, (request) => Promise.resolve(rereadFor(parts, request)));
}
