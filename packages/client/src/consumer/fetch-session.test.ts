import fc from "fast-check";
import { ErrorCode, UUID_ZERO } from "@odradek/protocol";
import { test } from "vitest";
import { FetchSession, type Wanted } from "./fetch-session.ts";

const ID = "wOJ5yWFiT8yxDdNWqPzFkg";
const one = (partition: number, fetchOffset: number, topicId: string | null = ID): Wanted => ({
  ...{ topic: "t", topicId, partition, fetchOffset, currentLeaderEpoch: 3, lastFetchedEpoch: 2 },
});

/** What a request says, in short: session, epoch, partition@offset of what is asked, and what is forgotten. */
function said({ sessionId, sessionEpoch, topics, forgottenTopicsData }: ReturnType<FetchSession["ask"]>): string {
  const asked = topics.flatMap(({ partitions }) => partitions.map((each) => `${each.partition}@${each.fetchOffset}`));
  const forgotten = (forgottenTopicsData ?? []).flatMap(({ partitions }) => partitions.map((each) => `-${each}`));
  return [`${sessionId}:${sessionEpoch}`, ...asked, ...forgotten].join(" ");
}

const ok = (sessionId: number) => ({ errorCode: 0, sessionId });

test("KIP-227: a session says everything once, then what has changed, then what is wanted no more", ({ expect }) => {
  const session = new FetchSession(1000);
  expect(said(session.ask([one(0, 5), one(1, 7)], 13))).toBe("0:0 0@5 1@7");
  expect(session.answered(ok(42))).toBe(true);
  expect(said(session.ask([one(0, 5), one(1, 9)], 13))).toBe("42:1 1@9");
  session.answered(ok(42));
  expect(said(session.ask([one(1, 9)], 13))).toBe("42:2 -0");
  session.answered(ok(42));
  expect(said(session.end())).toBe("42:-1");
  expect(session.isOpen).toBe(false);
});

test("a broker without sessions gets whole requests", ({ expect }) => {
  const session = new FetchSession(1000);
  for (let turn = 0; turn < 3; turn++) {
    expect(said(session.ask([one(0, 5)], 13))).toBe("0:0 0@5");
    session.answered(ok(0));
  }
});

test("a session that the broker has forgotten, or of which a request got lost, begins anew", ({ expect }) => {
  const session = new FetchSession(1000);
  session.ask([one(0, 5)], 13);
  session.answered(ok(42));
  session.ask([one(0, 5)], 13);
  expect(session.answered({ errorCode: ErrorCode.FETCH_SESSION_ID_NOT_FOUND, sessionId: 0 })).toBe(false);
  expect(said(session.ask([one(0, 5)], 13))).toBe("0:0 0@5");
  session.answered(ok(43));
  session.ask([one(0, 5)], 13);
  session.lost();
  // The old one is named, so that the broker can let it go.
  expect(said(session.ask([one(0, 5)], 13))).toBe("43:0 0@5");
  session.answered(ok(44));
  session.ask([one(0, 5)], 13);
  expect(session.answered({ errorCode: ErrorCode.INVALID_FETCH_SESSION_EPOCH, sessionId: 0 })).toBe(false);
  expect(said(session.ask([one(0, 6)], 13))).toBe("44:0 0@6");
});

test("a topic created anew is another one in the session, too", ({ expect }) => {
  const session = new FetchSession(1000);
  session.ask([one(0, 5)], 13);
  session.answered(ok(42));
  const other = "AOJ5yWFiT8yxDdNWqPzFkg";
  const request = session.ask([one(0, 5, other)], 13);
  expect(said(request)).toBe("42:1 0@5 -0");
  expect([request.topics[0]!.topicId, request.forgottenTopicsData![0]!.topicId]).toEqual([other, ID]);
});

test("a broker that wants names gets them, in a session of its own", ({ expect }) => {
  const session = new FetchSession(1000);
  session.ask([one(0, 5)], 13);
  session.answered(ok(42));
  const request = session.ask([one(0, 5, null)], 12);
  expect(said(request)).toBe("42:0 0@5");
  expect(request.topics).toMatchObject([{ topic: "t", topicId: UUID_ZERO }]);
  expect(session.ask([one(0, 5)], 11).topics[0]!.partitions[0]!.lastFetchedEpoch).toBe(-1);
});

test("whatever is asked, lost and refused: the broker remembers what is wanted", ({ expect }) => {
  const wanted = fc.uniqueArray(fc.record({ partition: fc.nat(5), offset: fc.nat(3) }), {
    selector: ({ partition }) => partition,
  });
  const fate = fc.constantFrom("answered", "request lost", "answer lost", "forgotten");
  fc.assert(
    fc.property(fc.array(fc.tuple(wanted, fate)), (turns) => {
      const session = new FetchSession(1000);
      const broker = { id: 0, epoch: 0, remembers: new Map<number, number>(), next: 1 };
      for (const [list, becomes] of turns) {
        if (becomes === "forgotten") Object.assign(broker, { id: 0 });
        const request = session.ask(
          list.map(({ partition, offset }) => one(partition, offset)),
          13,
        );
        if (becomes === "request lost") {
          session.lost();
          continue;
        }
        const answer = brokerTakes(broker, request);
        if (becomes === "answer lost") session.lost();
        else if (session.answered(answer))
          expect(broker.remembers).toEqual(new Map(list.map(({ partition, offset }) => [partition, offset])));
      }
    }),
  );
});

type Model = { id: number; epoch: number; remembers: Map<number, number>; next: number };

/** A broker's side of a session, by the words of KIP-227. */
function brokerTakes(
  broker: Model,
  request: ReturnType<FetchSession["ask"]>,
): { errorCode: number; sessionId: number } {
  const { sessionId, sessionEpoch, topics, forgottenTopicsData } = request;
  if (sessionEpoch === 0) Object.assign(broker, { id: broker.next++, epoch: 0, remembers: new Map<number, number>() });
  else if (sessionId !== broker.id) return { errorCode: ErrorCode.FETCH_SESSION_ID_NOT_FOUND, sessionId: 0 };
  if (sessionEpoch !== broker.epoch) return { errorCode: ErrorCode.INVALID_FETCH_SESSION_EPOCH, sessionId: 0 };
  broker.epoch++;
  for (const { partitions } of forgottenTopicsData ?? []) for (const each of partitions) broker.remembers.delete(each);
  for (const { partitions } of topics)
    for (const { partition, fetchOffset } of partitions) broker.remembers.set(partition, fetchOffset);
  return { errorCode: 0, sessionId: broker.id };
}
