import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";

import { assert, integerBelow } from "@odradek/kit";
import { MemoryFiles, MemoryKv, SeededRandom } from "@odradek/kit/testing";

import { Cluster, type MemoryDisk } from "./cluster.ts";
import { RealDisk } from "./real-disk.ts";

/** The member whose disk is a real one, and is injured. */
export const subject = 2;
/** The member that lacks the last entries. */
export const behind = 3;
export const whole = 1;

/** A quorum's past: what was acknowledged, to whom the subject gave its votes, and every disk as it was when all stopped. */
export type History = {
  lines: string[];
  votes: Map<number, number>;
  term: number;
  disks: Map<number, MemoryDisk>;
  /** The subject's directory, and older states of it. */
  directory: string;
  older: string[];
};

export async function makeHistory(seed: number, root: string): Promise<History> {
  const random = new SeededRandom(seed);
  const cluster = new Cluster(random);
  const directory = join(root, "now");
  const history: History = { lines: [], votes: new Map(), term: 0, disks: new Map(), directory, older: [] };
  cluster.wires.onSend = (from, to, message) => {
    if (from === subject && message.is === "voteReply" && message.granted) history.votes.set(message.term, to);
    if (from === subject && message.is === "vote") history.votes.set(message.term, subject);
  };
  mkdirSync(directory, { recursive: true });
  for (const id of [whole, behind]) await cluster.startInMemory(id, { rows: new Map(), mark: null });
  await cluster.start(subject, await RealDisk.open(directory));
  const write = async (count: number): Promise<void> => {
    assert(await cluster.until(() => cluster.leader !== undefined, 10_000), "somebody leads");
    for (let at = 0; at < count; at++) {
      const line = `${history.lines.length} ${"x".repeat(integerBelow(random, 700))}`;
      assert((await cluster.propose(line)) === "applied", "whole members acknowledge");
      history.lines.push(line);
    }
  };
  for (let part = 0; part < 3; part++) {
    await write(8 + integerBelow(random, 20));
    const copy = join(root, `older-${part}`);
    cpSync(directory, copy, { recursive: true });
    history.older.push(copy);
    if (part !== 1) continue;
    // LevelDB makes a table of its log when it is opened again.
    await cluster.stop(subject).disk!.close();
    await cluster.start(subject, await RealDisk.open(directory));
    await cluster.until(() => false, 5_000);
  }
  cluster.wires.cutOff(behind);
  await cluster.until(() => false, 3_000);
  await write(3 + integerBelow(random, 12));
  history.term = cluster.members.get(subject)!.driver.core.state.term;
  await cluster.stop(subject).disk!.close();
  for (const id of [whole, behind]) {
    const { kv, files } = cluster.stop(id);
    assert(kv instanceof MemoryKv && files instanceof MemoryFiles, "it is in memory");
    history.disks.set(id, { rows: new Map(kv.crash(random)), mark: files.readAll("/raft/raft-mark") });
  }
  return history;
}
