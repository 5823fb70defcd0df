import { type Logger, type RpcServer, silentLogger } from "@odradek/kit";
import { MemoryNetwork, SeededRandom, VirtualClock } from "@odradek/kit/testing";
import { expect, test } from "vitest";

import type { Message } from "./messages.ts";
import { RpcLinks } from "./rpc-links.ts";

const members = [1, 2].map((id) => ({ id, address: `node-${id}:1` }));
const hello = (term: number): Message => ({
  is: "hello",
  term,
  standing: "voter",
  asks: 0,
  answers: 0,
  promised: null,
  voters: [],
});

class Pair {
  readonly clock = new VirtualClock();
  readonly network = new MemoryNetwork(this.clock, { latencyMs: 1 });
  readonly heard: string[] = [];
  readonly warned: string[] = [];
  readonly logger: Logger = { ...silentLogger, warn: (_fields, message) => this.warned.push(message) };
  #boots = 0;

  async start(id: number, known = members): Promise<{ links: RpcLinks; server: RpcServer }> {
    const rpc = this.network.rpc(`node-${id}`);
    const server = rpc.server();
    const random = new SeededRandom(++this.#boots);
    const { clock, logger } = this;
    const links = new RpcLinks({ id, members: known, server, rpc, clock, random, logger });
    links.onMessage = (from, message) => this.heard.push(`${id} hears ${message.term} from ${from}`);
    links.onDied = (peer) => this.heard.push(`${id} learns that ${peer} died`);
    await server.listen(`node-${id}:1`);
    return { links, server };
  }
}

test("messages arrive in order, both ways", async () => {
  const pair = new Pair();
  const one = await pair.start(1);
  const two = await pair.start(2);
  await pair.clock.advance(1000);
  pair.heard.length = 0;
  for (let term = 1; term <= 3; term++) one.links.send(2, hello(term));
  two.links.send(1, hello(9));
  await pair.clock.advance(10);
  expect(pair.heard.toSorted()).toEqual([
    "1 hears 9 from 2",
    "2 hears 1 from 1",
    "2 hears 2 from 1",
    "2 hears 3 from 1",
  ]);
});

test("a process that is gone is noticed at once, by the refusal; one that comes back is reached again", async () => {
  const pair = new Pair();
  const one = await pair.start(1);
  await pair.start(2);
  await pair.clock.advance(1000);
  pair.heard.length = 0;
  pair.network.crash("node-2");
  await pair.clock.advance(20);
  expect(pair.heard).toEqual(["1 learns that 2 died"]);
  await pair.start(2);
  await pair.clock.advance(600);
  pair.heard.length = 0;
  one.links.send(2, hello(5));
  await pair.clock.advance(10);
  expect(pair.heard).toEqual(["2 hears 5 from 1"]);
});

test("a process that was replaced before anyone dialled has died too", async () => {
  const pair = new Pair();
  await pair.start(1);
  await pair.start(2);
  await pair.clock.advance(1000);
  pair.heard.length = 0;
  pair.network.crash("node-2");
  await pair.start(2);
  await pair.clock.advance(20);
  expect(pair.heard).toContain("1 learns that 2 died");
});

test("a link that falls silent is no death", async () => {
  const pair = new Pair();
  await pair.start(1);
  await pair.start(2);
  await pair.clock.advance(1000);
  pair.heard.length = 0;
  pair.network.cut("node-1", "node-2");
  await pair.clock.advance(10_000);
  expect(pair.heard).toEqual([]);
});

test("without a stream messages are dropped, not kept", async () => {
  const pair = new Pair();
  const one = await pair.start(1);
  for (let term = 1; term <= 10; term++) one.links.send(2, hello(term));
  await pair.start(2);
  await pair.clock.advance(1000);
  expect(pair.heard.filter((line) => line.startsWith("2 hears"))).toEqual([]);
});

test("whoever introduces itself to another member is turned away", async () => {
  const pair = new Pair();
  await pair.start(1);
  const rpc = pair.network.rpc("stray");
  const server = rpc.server();
  const swapped = [members[0]!, { id: 3, address: "node-1:1" }];
  const parts = { members: swapped, server, rpc, clock: pair.clock, random: new SeededRandom(9), logger: silentLogger };
  const stray = new RpcLinks({ id: 3, ...parts });
  await pair.clock.advance(100);
  stray.send(1, hello(7));
  await pair.clock.advance(100);
  expect(pair.heard.filter((line) => line.includes("hears"))).toEqual([]);
  await stray.close();
});

const four = [...members, { id: 4, address: "node-4:1" }];

/** A message each way, a while after everyone has dialled. */
async function talk(pair: Pair, one: [number, RpcLinks], other: [number, RpcLinks]): Promise<string[]> {
  await pair.clock.advance(2_000);
  pair.heard.length = 0;
  one[1].send(other[0], hello(1));
  other[1].send(one[0], hello(2));
  await pair.clock.advance(10);
  return pair.heard.filter((line) => line.includes("hears")).toSorted();
}

test("a node that knocks is let in when it was added, at the address that the log tells", async () => {
  const pair = new Pair();
  const one = await pair.start(1);
  const added = await pair.start(4, four);
  one.links.reconfigure({ id: "ours", members: [1, 2] });
  expect(await talk(pair, [1, one.links], [4, added.links])).toEqual([]);
  one.links.reconfigure({ id: "ours", members: [1, 2], learners: [4], addresses: { 4: "node-4:1" } });
  expect(await talk(pair, [1, one.links], [4, added.links])).toEqual(["1 hears 2 from 4", "4 hears 1 from 1"]);
});

test("a member answers a leader that was added while it was away", async () => {
  const pair = new Pair();
  const behind = await pair.start(1);
  behind.links.reconfigure({ id: "ours", members: [1, 2] });
  const leader = await pair.start(4, four);
  leader.links.reconfigure({ id: "ours", members: [1, 2, 4], addresses: { 4: "node-4:1" } });
  expect(await talk(pair, [1, behind.links], [4, leader.links])).toEqual(["1 hears 2 from 4", "4 hears 1 from 1"]);
});

test("members of another cluster are refused, whatever their ids are", async () => {
  const pair = new Pair();
  const one = await pair.start(1);
  const two = await pair.start(2);
  one.links.reconfigure({ id: "ours", members: [1, 2] });
  two.links.reconfigure({ id: "theirs", members: [1, 2] });
  await pair.clock.advance(1_000);
  pair.network.crash("node-2");
  const again = await pair.start(2);
  again.links.reconfigure({ id: "theirs", members: [1, 2] });
  expect(await talk(pair, [1, one.links], [2, again.links])).toEqual([]);
});

test("a removed member is still reached for a while, and then no more", async () => {
  const pair = new Pair();
  const one = await pair.start(1);
  await pair.start(2);
  one.links.reconfigure({ id: "ours", members: [1, 2] });
  await pair.clock.advance(1_000);
  one.links.reconfigure({ id: "ours", members: [1] });
  await pair.clock.advance(1_000);
  pair.heard.length = 0;
  one.links.send(2, hello(3));
  await pair.clock.advance(20_000);
  one.links.send(2, hello(4));
  await pair.clock.advance(10);
  expect(pair.heard.filter((line) => line.startsWith("2 hears"))).toEqual(["2 hears 3 from 1"]);
});

test("members that were added again find each other where they are configured, when the addresses in the log are old", async () => {
  const pair = new Pair();
  const [one, two] = [await pair.start(1), await pair.start(2)];
  const addresses = { 1: "old-1:1", 2: "node-1:1" };
  for (const { links } of [one, two]) links.reconfigure({ id: "ours", members: [1, 2], addresses });
  await pair.clock.advance(5_000);
  expect(await talk(pair, [1, one.links], [2, two.links])).toEqual(["1 hears 2 from 2", "2 hears 1 from 1"]);
  expect(pair.warned.filter((line) => line.includes("does not answer"))).toEqual([]);
});

test("a member that was added at another address has not died because nobody listens where it is configured", async () => {
  const pair = new Pair();
  const one = await pair.start(1, [members[0]!, { id: 2, address: "old-2:1" }]);
  await pair.start(2);
  pair.heard.length = 0;
  one.links.reconfigure({ id: "ours", members: [1, 2], addresses: { 2: "node-2:1" } });
  pair.network.cut("node-1", "node-2");
  await pair.clock.advance(30_000);
  expect(pair.heard).toEqual([]);
  pair.network.heal("node-1", "node-2");
  await pair.clock.advance(30_000);
  pair.network.crash("node-2");
  await pair.clock.advance(20);
  expect(pair.heard).toEqual(["1 learns that 2 died"]);
});

test("says once of a member that does not answer where it was looked for", async () => {
  const pair = new Pair();
  const one = await pair.start(1);
  one.links.reconfigure({ id: "ours", members: [1, 2], addresses: { 2: "new-2:1" } });
  await pair.clock.advance(60_000);
  expect(pair.warned).toEqual(["member 2 does not answer at new-2:1 nor at node-2:1"]);
});

test("says once of a stream that it is for another member, however often it is dialled", async () => {
  const pair = new Pair();
  await pair.start(1);
  await pair.start(3, [
    { id: 3, address: "node-3:1" },
    { id: 4, address: "node-1:1" },
  ]);
  await pair.clock.advance(10_000);
  expect(pair.warned.filter((line) => line.includes("for another member"))).toHaveLength(1);
});
