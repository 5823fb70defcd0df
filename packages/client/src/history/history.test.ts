import { expect, test } from "vitest";
import { History, type ReadRecord, type Verdict } from "./history.ts";

const words = "words-0";
const names = ({ anomalies }: Verdict): string[] => anomalies.map(({ name }) => name);
/** Value n at offset n, unless said otherwise. */
const at = (...offsets: number[]): ReadRecord[] => offsets.map((offset) => ({ offset, value: offset }));

/** `count` records sent one after the other and acknowledged at offset = value. */
function written(count: number): History {
  const history = new History();
  const producer = history.producer("p");
  for (let offset = 0; offset < count; offset++) producer.acknowledged(words, producer.send(words), offset);
  return history;
}

test("what was acknowledged, polled in order and found at the end is no anomaly", () => {
  const history = written(4);
  const consumer = history.consumer("c");
  consumer.polled(words, at(0, 1));
  consumer.polled(words, at(2, 3));
  history.log(words, at(0, 1));
  history.log(words, at(2, 3));
  expect(history.judge({ isReadToEnd: true })).toEqual({
    anomalies: [],
    counts: { sent: 4, acknowledged: 4, failed: 0, unknown: 0, polled: 4 },
  });
});

test("inconsistent-offsets: two values at one offset; duplicate: one value at two", () => {
  const history = written(2);
  history.consumer("c").polled(words, [
    { offset: 0, value: 1 },
    { offset: 1, value: 1 },
  ]);
  const { anomalies } = history.judge();
  expect(anomalies.map(({ name, count }) => [name, count])).toEqual([
    ["inconsistent-offsets", 1],
    ["duplicate", 1],
    ["lost-write", 1], // value 0, which nobody has read
  ]);
  expect(anomalies[1]!.witnesses[0]).toEqual({
    partition: words,
    offset: 0,
    value: 1,
    says: "c; it stands at 1, too",
  });
});

test("a producer without idempotence may write twice, but still not lose", () => {
  const history = new History();
  const producer = history.producer("plain", { isIdempotent: false });
  producer.acknowledged(words, producer.send(words), 1);
  const twice = [0, 1].map((offset) => ({ offset, value: 0 }));
  history.consumer("c").polled(words, twice);
  history.log(words, twice);
  expect(names(history.judge())).toEqual([]);
});

test("lost-write: acknowledged, below what was read, and read by nobody", () => {
  const history = written(4);
  history.consumer("c").polled(words, at(0, 2));
  const { anomalies } = history.judge();
  expect(anomalies.map(({ name }) => name)).toEqual(["internal-poll-skip", "lost-write"]);
  expect(anomalies[1]).toMatchObject({ count: 1, witnesses: [{ offset: 1, value: 1 }] });
});

test("lost-write: with the final log nothing acknowledged or polled may be missing, except below its start", () => {
  const history = written(4);
  history.consumer("c").polled(words, at(0, 1, 2));
  history.log(words, at(1), { start: 1 });
  expect(history.judge().anomalies).toMatchObject([
    {
      name: "lost-write",
      count: 2,
      witnesses: [
        { value: 2, says: "acknowledged and polled, not in the final log" },
        { value: 3, says: "acknowledged, read by nobody" },
      ],
    },
  ]);
});

test("lost-write: a final log that is empty has lost everything, also what was acknowledged without an offset", () => {
  const history = new History();
  const producer = history.producer("p");
  producer.acknowledged(words, producer.send(words), -1);
  history.log(words, []);
  expect(names(history.judge())).toEqual(["lost-write"]);
});

test("a send that never ended may be in the log or not", () => {
  const history = new History();
  const producer = history.producer("p");
  producer.send(words);
  producer.send(words);
  history.log(words, [{ offset: 0, value: 1 }]);
  expect(history.judge()).toMatchObject({ anomalies: [], counts: { unknown: 2 } });
});

test("unseen: in the log, but polled by nobody though there was time", () => {
  const history = written(2);
  history.consumer("c").polled(words, at(0));
  history.log(words, at(0, 1));
  expect(names(history.judge({ isReadToEnd: true }))).toEqual(["unseen"]);
});

test("aborted-read: failed, yet there; invented-read: there, but never sent", () => {
  const history = new History();
  const producer = history.producer("p");
  producer.failed(words, producer.send(words));
  history.consumer("c").polled(words, at(0));
  history.log(words, [
    { offset: 0, value: 0 },
    { offset: 1, value: 7 },
    { offset: 2, value: -1 },
  ]);
  expect(history.judge().anomalies.map(({ name, count }) => [name, count])).toEqual([
    ["invented-read", 2],
    ["aborted-read", 1],
  ]);
});

test("nonmonotonic-send: one producer's records change places; two producers' may", () => {
  const history = new History();
  const [one, other] = [history.producer("one"), history.producer("other")];
  const [a, b, c] = [one.send(words), other.send(words), one.send(words)];
  one.acknowledged(words, c, 1);
  other.acknowledged(words, b, 0);
  one.acknowledged(words, a, 2);
  expect(history.judge().anomalies).toMatchObject([{ name: "nonmonotonic-send", count: 1, witnesses: [{ value: c }] }]);
});

test("realtime-send: a record may not stand before one acknowledged before it was sent, even if its own end is unknown", () => {
  const history = new History();
  const [one, other] = [history.producer("one"), history.producer("other")];
  one.acknowledged(words, one.send(words), 5);
  const late = other.send(words);
  history.consumer("c").polled(words, [{ offset: 4, value: late }]);
  expect(names(history.judge())).toEqual(["realtime-send"]);
});

test("polls go back or skip: within one, between two, and not after a seek or a new assignment", () => {
  const within = written(4);
  within.consumer("c").polled(words, at(0, 1, 3, 2));
  expect(names(within.judge())).toEqual(["internal-nonmonotonic-poll", "internal-poll-skip"]);

  const between = written(4);
  const consumer = between.consumer("c");
  for (const offset of [1, 3, 2]) consumer.polled(words, at(offset));
  expect(names(between.judge())).toEqual(["nonmonotonic-poll", "poll-skip", "lost-write"]);

  const sought = written(4);
  const seeker = sought.consumer("c");
  seeker.polled(words, at(2, 3));
  seeker.sought(words, 0);
  seeker.polled(words, at(0));
  seeker.assigned();
  seeker.polled(words, at(3));
  seeker.sought(words, null);
  seeker.polled(words, at(1));
  expect(names(sought.judge())).toEqual([]);
});

test("poll-skip: a seek to an offset is held to it", () => {
  const history = written(3);
  const consumer = history.consumer("c");
  consumer.sought(words, 0);
  consumer.polled(words, at(1));
  expect(names(history.judge())).toEqual(["poll-skip", "lost-write"]);
});

test("a gap that never held a record is none, and one that turns out later to hold one is", () => {
  const history = new History();
  const producer = history.producer("p");
  const [a, b, c] = [producer.send(words), producer.send(words), producer.send(words)];
  const consumer = history.consumer("c");
  consumer.polled(words, [{ offset: 0, value: a }]);
  consumer.polled(words, [{ offset: 9, value: c }]);
  producer.acknowledged(words, b, 4);
  history.log(words, [
    { offset: 0, value: a },
    { offset: 4, value: b },
    { offset: 9, value: c },
  ]);
  expect(history.judge().anomalies).toMatchObject([{ name: "poll-skip", count: 1, witnesses: [{ offset: 4 }] }]);
});

test("group-skip: a member that takes over may repeat, but not begin behind what nobody polled", () => {
  const history = written(6);
  const [one, other] = [history.consumer("one", "g"), history.consumer("other", "g")];
  one.polled(words, at(0, 1, 2));
  other.polled(words, at(1, 2, 3));
  one.assigned();
  one.polled(words, at(5));
  history.log(words, at(0, 1, 2, 3, 4, 5));
  expect(history.judge().anomalies).toMatchObject([{ name: "group-skip", witnesses: [{ offset: 4 }] }]);
});

test("group-skip: before the group's first poll, too, where it is known to begin at an offset", () => {
  const anomaliesFor = (groupFrom: number | null): string[] => {
    const history = written(3);
    history.consumer("c").polled(words, at(0, 1, 2));
    history.consumer("one", "g", { groupFrom }).polled(words, at(1, 2));
    return names(history.judge());
  };
  expect(anomaliesFor(0)).toEqual(["group-skip"]);
  expect(anomaliesFor(1)).toEqual([]);
  expect(anomaliesFor(null)).toEqual([]);
});

test("partitions have nothing to do with one another", () => {
  const history = written(1);
  const producer = history.producer("q");
  producer.acknowledged("words-1", producer.send("words-1"), 0);
  const consumer = history.consumer("c");
  consumer.polled(words, at(0));
  consumer.polled("words-1", at(0));
  expect(names(history.judge())).toEqual([]);
});

test("a wild offset costs neither time nor memory, and a full history says so", () => {
  const history = written(2);
  const consumer = history.consumer("c");
  consumer.polled(words, at(0, 1));
  consumer.polled(words, [{ offset: Number.MAX_SAFE_INTEGER - 1, value: -1 }]);
  expect(names(history.judge())).toEqual(["invented-read"]);

  const full = new History({ recordsMax: 1 }).producer("p");
  full.send(words);
  expect(() => full.send(words)).toThrow(RangeError);
});
