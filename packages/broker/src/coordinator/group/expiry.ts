import type { CommittedOffset, GroupRecord } from "./records.ts";
import type { Offsets } from "./offsets.ts";
import type { Group } from "./state.ts";

/**
 * The tombstones for what a group need not remember any more (RELIABILITY G-07): a group in use keeps the offsets of every topic
 * it is subscribed to; an empty one keeps all for `retentionMs` from when it became empty; one that nobody ever joined from each
 * commit. A group without members and without offsets is forgotten itself.
 */
export function expiredRecords(
  group: Group,
  offsets: Offsets,
  { nowMs, retentionMs }: { nowMs: number; retentionMs: number },
): GroupRecord[] {
  if (group.pendingJoins.size > 0) return [];
  const isOld = (sinceMs: number): boolean => nowMs - sinceMs >= retentionMs;
  const hasExpired = expiryRule(group, isOld);
  if (hasExpired === null) return [];
  const gone = offsets.select(group.id, hasExpired);
  const records = gone.map(({ topic, partition }): GroupRecord => {
    return { is: "offset", group: group.id, topic, partition, value: null };
  });
  const isBare = gone.length === offsets.select(group.id, () => true).length;
  if (group.state === "Empty" && isBare && (gone.length > 0 || isOld(group.stateSinceMs)))
    records.push({ is: "group", group: group.id, value: null });
  return records;
}

/** Null: nothing may expire now. */
function expiryRule(
  group: Group,
  isOld: (sinceMs: number) => boolean,
): ((topic: string, offset: CommittedOffset) => boolean) | null {
  if (group.state === "Empty") {
    const isForgotten = group.protocolType !== null && group.stateSinceMs >= 0 ? isOld(group.stateSinceMs) : null;
    return (_topic, { commitTimestampMs }) => (isForgotten ?? true) && isOld(commitTimestampMs);
  }
  const subscribed = group.state === "Stable" ? group.subscribedTopics() : null;
  return subscribed && ((topic, { commitTimestampMs }) => !subscribed.has(topic) && isOld(commitTimestampMs));
}
