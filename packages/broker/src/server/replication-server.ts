import type { RpcServer } from "@odradek/kit";

import { Feed, type FeedParts } from "../replica/feed.ts";
import { follow, reread } from "../replica/messages.ts";
import { rereadFor } from "../replica/reread.ts";

/** Serves the replication streams of followers, and replicas that mend their logs, on a server that is about to listen. */
export function serveReplication(server: RpcServer, parts: FeedParts): void {
  server.accept(follow, (stream) => new Feed(parts, stream));
  server.handle(reread, (request) => Promise.resolve(rereadFor(parts, request)));
}
