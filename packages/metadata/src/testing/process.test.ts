import { setTimeout as elapsed } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { eventually, LoggedProcess } from "@odradek/kit/testing";
import { expect, it, onTestFinished } from "vitest";
import { listSessions } from "../client/index.ts";
import type { WatchEvent } from "../client/types.ts";
import { Counter } from "./counter.ts";
import { ProcessQuorum, rpc } from "./process-quorum.ts";
import { collect, fold } from "./world.ts";

const clientScript = fileURLToPath(new URL("ephemeral-client.ts", import.meta.url));
/** Longer than the session timeout of 6 s. */
const stallMs = 8_000;

/** A client in a process of its own, with these ephemeral nodes. */
async function holderOf({ nodes }: ProcessQuorum, ...paths: string[]): Promise<LoggedProcess> {
  const peers = [...nodes.members].map(([id, address]) => `${id}=${address}`).join(",");
  const holder = new LoggedProcess([clientScript, peers, ...paths]);
  onTestFinished(() => holder.kill("SIGKILL"));
  await holder.event("READY");
  return holder;
}

it("C-11: counts exactly once while each of three nodes in turn is killed with -9 and restarted", async () => {
  const quorum = await ProcessQuorum.start(3);
  const { nodes } = quorum;
  const [writer, reader] = [await quorum.session("writer"), await quorum.session("reader")];
  await writer.create("/counter", Buffer.from("0"));
  const events: WatchEvent[] = collect(reader.watch({ path: "/counter", recursive: false }));
  const counter = new Counter(writer);
  for (const round of [0, 1, 2, 3]) {
    const victim = round < 3 ? round + 1 : (await quorum.leader()).id;
    const before = counter.acknowledged;
    await nodes.node(victim).kill("SIGKILL");
    await eventually("writes go on", () => counter.acknowledged > before + 20);
    await nodes.startNode(victim);
  }
  await counter.stop();
  const node = await writer.get("/counter");
  expect(node?.version).toBe(counter.acknowledged + 1);
  await eventually("the watch is there", () => fold(events).revision >= node!.modifiedRevision);
  expect(events.filter((event) => event.is === "snapshot")).toHaveLength(1);
  const versions = events.flatMap((event) => (event.is === "changes" ? event.changed.map((each) => each.version) : []));
  const first = versions[0]!;
  expect(versions).toEqual(Array.from({ length: versions.length }, (_, at) => first + at));
  expect(versions.at(-1)).toBe(counter.acknowledged + 1);
}, 120_000);

it("the ephemeral nodes of a client killed with -9 vanish at once, and before those of one that only fell silent earlier", async () => {
  const quorum = await ProcessQuorum.start(3);
  const watcher = await quorum.session("watcher");
  const victim = await holderOf(quorum, "/brokers/ids/7", "/brokers/ids/8");
  const silent = await holderOf(quorum, "/brokers/ids/9");
  expect(await watcher.children("/brokers/ids")).toEqual(["7", "8", "9"]);
  const address = quorum.nodes.address((await quorum.leader()).id);
  const sessions = await listSessions({ address, rpc, timeoutMs: 1_000 });
  expect(sessions.map(({ name, ephemeralNodes, attached }) => ({ name, ephemeralNodes, attached }))).toEqual(
    expect.arrayContaining([
      { name: "watcher", ephemeralNodes: 0, attached: true },
      { name: "", ephemeralNodes: 2, attached: true },
      { name: "", ephemeralNodes: 1, attached: true },
    ]),
  );
  const events = collect(watcher.watch({ path: "/brokers/ids", recursive: true }));
  await eventually("the watch began", () => events.length > 0);
  silent.child.kill("SIGSTOP"); // its connection stays: only the session timeout can tell
  await victim.kill("SIGKILL");
  await eventually("all nodes are gone", () => !fold(events).nodes.has("/brokers/ids/9"));
  expect(events.flatMap((event) => (event.is === "changes" ? [event.deleted] : []))).toEqual([
    ["/brokers/ids/7", "/brokers/ids/8"],
    ["/brokers/ids/9"],
  ]);
}, 120_000);

it("C-19: leaves a leader that is paused, which later follows and has done nothing twice", async () => {
  const quorum = await ProcessQuorum.start(3);
  const session = await quorum.session("writer");
  await session.create("/counter", Buffer.from("0"));
  const counter = new Counter(session);
  await eventually("writes run", () => counter.acknowledged > 20);
  const { id: paused } = await quorum.leader();
  const { child } = quorum.nodes.node(paused);
  child.kill("SIGSTOP");
  const before = counter.acknowledged;
  await eventually("writes go on", () => counter.acknowledged > before + 20);
  child.kill("SIGCONT");
  const atWake = counter.acknowledged;
  await eventually("writes still go on", () => counter.acknowledged > atWake + 100);
  await counter.stop();
  expect((await session.get("/counter"))?.version).toBe(counter.acknowledged + 1);
  await eventually("the old leader follows", async () => (await quorum.status(paused))?.role === "follower");
}, 120_000);

it("C-18: a machine that stands still for longer than the session timeout expires nobody on waking", async () => {
  const quorum = await ProcessQuorum.start(3);
  const holders = await Promise.all([6, 7, 8, 9].map((id) => holderOf(quorum, `/brokers/ids/${id}`)));
  const all = [...holders, ...quorum.ids.map((id) => quorum.nodes.node(id))];
  for (const each of all) each.child.kill("SIGSTOP");
  // Nothing can be waited for here: nobody runs who could say that it is over. The time itself is the fault.
  await elapsed(stallMs);
  const [silent] = holders;
  for (const each of all) if (each !== silent) each.child.kill("SIGCONT");
  const watcher = await quorum.session("watcher");
  const first = await watcher.get("/brokers/ids/7");
  // One stays silent: when it is gone, the judge has judged for a whole session timeout since it woke.
  const isGone = async (): Promise<boolean> => !(await watcher.exists("/brokers/ids/6"));
  await eventually("the silent one is gone", isGone, 60_000);
  expect(await watcher.children("/brokers/ids")).toEqual(["7", "8", "9"]);
  expect(await watcher.get("/brokers/ids/7")).toEqual(first);
}, 120_000);

it("keeps everything acknowledged when all three nodes are killed with -9 at once", async () => {
  const quorum = await ProcessQuorum.start(3);
  const { nodes, ids } = quorum;
  const before = await quorum.session("before");
  const id = (await before.get("/cluster/id"))?.data.toString();
  expect(id).toMatch(/^[A-Za-z0-9_-]{22}$/);
  const outcomes = await Promise.all(
    Array.from({ length: 500 }, (_, at) => before.create(`/topics/${at}`, Buffer.from("x"))),
  );
  expect(outcomes.every((outcome) => outcome.is === "done")).toBe(true);
  const log = await before.log({ path: "/", recursive: true });
  await before.set("/topics/7", Buffer.from("y"), 1);
  await Promise.all(ids.map((each) => nodes.node(each).kill("SIGKILL")));
  await Promise.all(ids.map((each) => nodes.startNode(each)));
  const after = await quorum.session("after");
  expect((await after.get("/cluster/id"))?.data.toString()).toBe(id);
  expect(await after.children("/topics")).toHaveLength(500);
  const first = outcomes[7]!;
  const at = first.is === "done" ? first.revision : NaN;
  const was = await after.getAt("/topics/7", at);
  expect(was).toMatchObject({ is: "found", value: { data: Buffer.from("x"), version: 1, modifiedRevision: at } });
  const again = await after.log({ path: "/", recursive: true });
  expect(again.is === "found" && { ...again, value: again.value.slice(0, -1) }).toEqual(log);
}, 120_000);

it("stops cleanly: the leader hands over first, so that writes do not wait for an election by silence", async () => {
  const quorum = await ProcessQuorum.start(3);
  const session = await quorum.session("writer");
  await session.create("/counter", Buffer.from("0"));
  const counter = new Counter(session);
  await eventually("writes run", () => counter.acknowledged > 20);
  const node = quorum.nodes.node((await quorum.leader()).id);
  await node.kill("SIGTERM");
  // Its own log says that another led before it was gone.
  const story = node.lines.slice(node.lines.findIndex(({ evt }) => evt === "STOPPING"));
  expect(story).toContainEqual(expect.objectContaining({ evt: "leadership", is: "follower" }));
  expect(story.at(-1)).toMatchObject({ evt: "STOPPED" });
  expect(await node.exited).toBe(0);
  const before = counter.acknowledged;
  await eventually("writes go on", () => counter.acknowledged > before + 20);
  await counter.stop();
}, 120_000);

it("serves alone, answers health checks, and ends with the pipe of its starter", async () => {
  const quorum = await ProcessQuorum.start(1);
  const { nodes } = quorum;
  expect((await fetch(`${nodes.healthUrl(1)}/readyz`)).status).toBe(200);
  expect((await fetch(`${nodes.healthUrl(1)}/livez`)).status).toBe(200);
  const session = await quorum.session("only");
  expect(await session.create("/x", Buffer.from("1"))).toMatchObject({ is: "done" });
  await nodes.node(1).orphan();
  expect(nodes.node(1).lines.at(-1)).toMatchObject({ evt: "STOPPED", code: 0 });
  await nodes.startNode(1);
  expect((await session.get("/x"))?.data.toString()).toBe("1");
}, 120_000);
