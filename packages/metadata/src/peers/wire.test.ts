import { expect, test } from "vitest";

import type { Frame } from "./wire.ts";
import { talk } from "./wire.ts";

const bytes = (text: string): Buffer => Buffer.from(text);
const large = 2 ** 45;

const frames: Frame[] = [
  { is: "introduction", from: 1, to: 3, clusterId: "", address: "127.0.0.1:2181" },
  { is: "hello", term: 0, standing: "empty", asks: 7, answers: 0, promised: null, voters: [] },
  {
    is: "hello",
    term: large,
    standing: "recovering",
    asks: 0,
    answers: large,
    promised: { term: 3, index: large },
    voters: [1, 2],
  },
  { is: "preVote", term: 2, lastIndex: large, lastTerm: 1 },
  { is: "preVoteReply", term: 2, granted: true },
  { is: "vote", term: 2, lastIndex: 0, lastTerm: 0, transfer: true },
  { is: "voteReply", term: 2, granted: false },
  { is: "append", term: 2, prevIndex: 0, prevTerm: 0, commit: 0, round: 0, entries: [], recover: null },
  {
    is: "append",
    term: 2,
    prevIndex: 7,
    prevTerm: 1,
    commit: 6,
    round: 9,
    entries: [
      { term: 1, is: "members", data: bytes("{}") },
      { term: 2, is: "noop", data: Buffer.alloc(0) },
      { term: 2, is: "data", data: Buffer.alloc(3000, 0xfe) },
    ],
    recover: { nonce: 0x7fff_ffff, until: large },
  },
  {
    is: "appendReply",
    term: 2,
    round: 1,
    prevIndex: 3,
    rejected: null,
    match: 3,
    recovering: 0,
    space: "ok",
    checkpoint: null,
  },
  {
    is: "appendReply",
    term: 2,
    round: 1,
    prevIndex: 3,
    rejected: { index: 0, term: 0 },
    match: 0,
    recovering: 5,
    space: "full",
    checkpoint: { index: large, digest: bytes("digest") },
  },
  {
    is: "snapshot",
    term: 2,
    info: {
      index: 9,
      term: 2,
      hash: bytes("hash"),
      cluster: { id: "c", members: [1, 2, 3] },
      bytes: 4,
      digest: bytes("digest"),
    },
    offset: 0,
    data: bytes("data"),
  },
  {
    is: "snapshot",
    term: 2,
    info: {
      index: 9,
      term: 2,
      hash: bytes("hash"),
      cluster: { id: "c", members: [1, 2, 3], learners: [5], addresses: { 3: "c:1", 5: "[::1]:2" } },
      bytes: 4,
      digest: bytes("digest"),
    },
    offset: 0,
    data: bytes("data"),
  },
  { is: "snapshotReply", term: 2, index: 9, received: 4, installed: true, recovering: 1 },
  { is: "timeoutNow", term: 2 },
  { is: "diverged", term: 2, checkpoint: { index: large, digest: bytes("digest") } },
];

test.each(frames)("$is comes out of the wire as it went in", (frame) => {
  expect(talk.decodeRequest(Buffer.from(talk.encodeRequest(frame)))).toEqual(frame);
});

test("a frame that says nothing, or only half, is an error of its sender", () => {
  expect(() => talk.decodeRequest(Buffer.alloc(0))).toThrow("says nothing");
  const emptySnapshot = Buffer.from([(9 << 3) | 2, 0]);
  expect(() => talk.decodeRequest(emptySnapshot)).toThrow("without its description");
});

test("N-20: a value that the contract does not have is an error that says so", () => {
  // append { term: 1, entries: [{ kind: 117 }] }
  const frame = Buffer.from("3a0f0801200028013207080110751a0178", "hex");
  expect(() => talk.decodeRequest(frame)).toThrow("unknown value: 117");
});
