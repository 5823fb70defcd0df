import { readFileSync } from "node:fs";
import { join } from "node:path";
import { FetchApi } from "@odradek/protocol/messages/fetch";
import { expect, test } from "vitest";
import { good } from "./batches.ts";
import { differs } from "./case.ts";
import { compare } from "./compare.ts";
import { known, titleOf } from "./known.ts";
import { Normalizer } from "./normal.ts";
import { run } from "./run.ts";
import type { System, Versions } from "./system.ts";

const normalizer = (brokers: [number, number][] = [[1, 9092]]): Normalizer =>
  new Normalizer(new Map(brokers.map(([id, port]) => [id, { host: "127.0.0.1", port }])), "run-1");

test("docs/differences.md has a reason for every kind of difference that is meant, and for no other", () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/differences.md"), "utf8");
  const titles = [...page.matchAll(/^## (.*)$/gm)].map(([, title]) => title);
  expect(titles).toEqual(known.map(({ title }) => title));
});

test("an API that ours no longer names, other versions, and an error of the server are not what is meant", () => {
  const served = { case: "ApiVersions: what is served", label: "all", theirs: "anything", versions: [4] };
  expect(titleOf({ ...served, path: "apiKeys.apiKey 24", ours: "nothing" })).toBe("APIs, versions and features");
  expect(titleOf({ ...served, path: "apiKeys.apiKey 3", ours: "nothing" })).toBeNull();
  expect(titleOf({ ...served, path: "apiKeys.apiKey 3.maxVersion", ours: "12" })).toBeNull();
  const answers: [story: string, label: string, meant: string][] = [
    ["Produce: batches that are wrong or strange", "zeros", '"INVALID_RECORD"'],
    ["Produce: batches that are wrong or strange", "gzip that is none", '"NONE"'],
    ["Produce: the same partition twice", "in one topic", '{"index":0,"errorCode":"NONE"}'],
    ["Fetch: offsets", "isolation 2", '"NONE"'],
  ];
  for (const [story, label, meant] of answers) {
    const found = { case: story, label, path: "errorCode", theirs: "anything", versions: [9] };
    expect([label, titleOf({ ...found, ours: meant })]).toEqual([label, expect.any(String)]);
    const failing = meant.replace(/INVALID_RECORD|NONE/, "UNKNOWN_SERVER_ERROR");
    expect([label, titleOf({ ...found, ours: failing })]).toEqual([label, null]);
  }
});

test("a story that can't be told to both fails, as when one of them no longer names its API", async () => {
  const serving = (versions: Versions) => ({ versions }) as System;
  const [ours, theirs] = [serving(new Map()), serving(new Map([[FetchApi.key, [4, 18]]]))];
  const story = differs(FetchApi, "a story", async () => {});
  const report = await run({ ours, theirs, cases: [story], prefix: "run-1", onlyEnds: false, log: () => {} });
  expect(report).toEqual({ answers: 0, found: [], failed: ["Fetch: a story: no version that both serve"] });
});

test("addresses, ids and the order of lists differ without being different", () => {
  const answer = (port: number, members: string[]) => ({
    brokers: [{ nodeId: 1, port }],
    members: members.map((memberId) => ({ memberId })),
    leader: members[0],
    topics: [{ name: "run-1-b" }, { name: "run-1-a" }],
  });
  const ours = normalizer([[1, 1111]]).normal(answer(1111, ["x", "y"]));
  const theirs = normalizer([[1, 2222]]).normal({
    ...answer(2222, ["p", "q"]),
    topics: [{ name: "run-1-a" }, { name: "run-1-b" }],
  });
  expect(compare(ours, theirs)).toEqual([]);
  expect(compare(ours, normalizer([[1, 2222]]).normal(answer(3333, ["p", "q"])))).toHaveLength(1);
});

test("another error code is told once, without what follows from it", () => {
  const answer = (errorCode: number, baseOffset: number) =>
    normalizer().normal({
      responses: [{ name: "run-1-a", partitionResponses: [{ index: 0, errorCode, baseOffset }] }],
    });
  expect(compare(answer(0, 7), answer(2, -1))).toEqual([
    { path: "responses.a.partitionResponses.index 0.errorCode", ours: '"NONE"', theirs: '"CORRUPT_MESSAGE"' },
  ]);
  expect(compare(answer(0, 7), answer(0, 8))).toHaveLength(1);
});

test("records are compared batch by batch", () => {
  const read = (records: Buffer) => normalizer().normal({ records });
  expect(compare(read(good(2)), read(good(2)))).toEqual([]);
  expect(compare(read(good(2)), read(Buffer.concat([good(2), good(1)])))).toMatchObject([{ path: "records[1]" }]);
  expect(compare(read(good(2)), read(good(2).subarray(0, -1)))).toMatchObject([{ path: "records[0]" }]);
});
