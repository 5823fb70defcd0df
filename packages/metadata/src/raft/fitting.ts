import type { WireEntry } from "../store/entry.ts";
import type { Space } from "../store/space.ts";

/** Entries up to this size go on: sessions that come and go, so that reads do too. Writes of clients the service refuses long before. */
const smallBytesMax = 1024;

export const isSmall = (data: Buffer): boolean => data.length <= smallBytesMax;

/** What a full disk takes: nothing large, but what a new leader must commit before it leads. */
export function fitting<Sent extends WireEntry>(
  entries: Sent[],
  { space, term }: { space: Space; term: number },
): Sent[] {
  if (space !== "full") return entries;
  const at = entries.findIndex((entry) => entry.term === term && !isSmall(entry.data));
  return at < 0 ? entries : entries.slice(0, at);
}
