import type { OfPast, Watch, WatchEvent, Znode } from "@odradek/metadata/client";
import { expect, it } from "vitest";
import type { StoreSession } from "./past.ts";
import { follow } from "./watch.ts";

/** Of a store whose newest revision is 40; a watch waits for what is still to come. */
function sessionOf(events: readonly WatchEvent[]) {
  const getAt = (_path: string, revision: number): Promise<OfPast<Znode | null>> =>
    Promise.resolve(revision > 40 ? { is: "future", newest: 40 } : { is: "found", value: null });
  const watch = (): Watch => ({
    close: () => {},
    async *[Symbol.asyncIterator]() {
      yield* events;
    },
  });
  return { getAt, watch } as unknown as StoreSession;
}

const options = { path: "/a", recursive: true, output: "name" as const, headers: true, count: 1 };
const never = new AbortController().signal;

it("says at once that the revision to go on from is still to come", async () => {
  const following = follow(sessionOf([]), { ...options, "from-rev": 41 }, never);
  await expect(following).rejects.toThrow("revision 41 is still to come: the newest is 40");
});

it("goes on from the newest revision", async () => {
  const deleted: WatchEvent = { is: "changes", revision: 41, changed: [], deleted: ["/a"] };
  expect(await follow(sessionOf([deleted]), { ...options, "from-rev": 40 }, never)).toBe(true);
});
