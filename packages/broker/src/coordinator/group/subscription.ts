import { ProtocolError } from "@odradek/protocol";
import { readSubscription } from "@odradek/protocol/messages/consumer-protocol";
import type { Member } from "./member.ts";

/** Topics that these members' subscriptions name; null when one of them can't be read: another client's own protocol. */
export function subscribedTopics(members: Iterable<Member>): Set<string> | null {
  const topics = new Set<string>();
  for (const member of members) {
    const [first] = member.protocols;
    if (!first) return null;
    try {
      for (const topic of readSubscription(first.metadata).topics) topics.add(topic);
    } catch (fault) {
      if (fault instanceof ProtocolError) return null;
      throw fault;
    }
  }
  return topics;
}
