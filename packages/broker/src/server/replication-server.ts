import type { RpcServer } from "@odradek/kit";

import { Feed, type FeedParts } from "../replica/feed.ts";
import { follow } from "../replica/messages.ts";

/** Serves the replication streams of followers on a server that is about to listen. */
export function serveReplication(server: RpcServer, parts: FeedParts): void {
  server.accept(follow, (stream) => new Feed(parts, stream));
}
