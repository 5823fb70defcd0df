import { silentLogger, SystemClock, SystemRandom } from "@odradek/kit";
import { grpcRpc } from "@odradek/rpc";
import { fileURLToPath } from "node:url";
import { afterEach, expect, it } from "vitest";
import { listSessions, memberStatus, openSession } from "../client/index.ts";
import type { Past, Session, WatchEvent } from "../client/types.ts";
import { Counter } from "./counter.ts";
import { LoggedProcess, MetadataProcesses } from "./processes.ts";
import { collect, fold } from "./world.ts";

const rpc = grpcRpc();
const clientScript = fileURLToPath(new URL("ephemeral-client.ts", import.meta.url));
const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

async function quorum(count: number): Promise<MetadataProcesses> {
  const nodes = await MetadataProcesses.start(count);
  open.push(() => nodes.stop());
  return nodes;
}

async function client(nodes: MetadataProcesses, name: string): Promise<Session & Past> {
  const ports = { rpc, clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
  const session = await openSession({ members: nodes.members, ...ports, connectTimeoutMs: 30_000, name });
  open.push(() => session.close());
  return session;
}

async function eventually(what: string, isTrue: () => boolean | Promise<boolean>, timeoutMs: number): Promise<void> {
  const start = performance.now();
  while (!(await isTrue())) {
    if (performance.now() - start > timeoutMs) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function leaderOf(nodes: MetadataProcesses): Promise<number> {
  const asked = [...nodes.members.values()].map((address) => memberStatus({ address, rpc, timeoutMs: 1_000 }));
  for (const status of await Promise.allSettled(asked))
    if (status.status === "fulfilled" && status.value.leader !== null) return status.value.leader;
  throw new Error("no member knows a leader");
}

it("C-11: counts exactly once while each of three nodes in turn is killed with -9 and restarted", async () => {
  const nodes = await quorum(3);
  const [writer, reader] = [await client(nodes, "writer"), await client(nodes, "reader")];
  await writer.create("/counter", Buffer.from("0"));
  const events: WatchEvent[] = collect(reader.watch({ path: "/counter", recursive: false }));
  const counter = new Counter(writer);
  for (const round of [0, 1, 2, 3]) {
    const victim = round < 3 ? round + 1 : await leaderOf(nodes);
    const before = counter.acknowledged;
    await nodes.node(victim).kill("SIGKILL");
    await eventually("writes go on", () => counter.acknowledged > before + 20, 30_000);
    await nodes.startNode(victim);
  }
  await counter.stop();
  const node = await writer.get("/counter");
  expect(node?.version).toBe(counter.acknowledged + 1);
  await eventually("the watch is there", () => fold(events).revision >= node!.modifiedRevision, 30_000);
  expect(events.filter((event) => event.is === "snapshot")).toHaveLength(1);
  const versions = events.flatMap((event) => (event.is === "changes" ? event.changed.map((each) => each.version) : []));
  const first = versions[0]!;
  expect(versions).toEqual(Array.from({ length: versions.length }, (_, at) => first + at));
  expect(versions.at(-1)).toBe(counter.acknowledged + 1);
}, 120_000);

it("the ephemeral nodes of a client killed with -9 vanish at once, and before those of one that only fell silent earlier", async () => {
  const nodes = await quorum(3);
  const watcher = await client(nodes, "watcher");
  const peers = [...nodes.members].map(([id, address]) => `${id}=${address}`).join(",");
  const victim = new LoggedProcess(clientScript, [peers, "/brokers/ids/7", "/brokers/ids/8"]);
  const silent = new LoggedProcess(clientScript, [peers, "/brokers/ids/9"]);
  for (const each of [victim, silent]) await each.event("READY", 30_000);
  expect(await watcher.children("/brokers/ids")).toEqual(["7", "8", "9"]);
  const leader = nodes.members.get(await leaderOf(nodes))!;
  const sessions = await listSessions({ address: leader, rpc, timeoutMs: 1_000 });
  expect(sessions.map(({ name, ephemeralNodes, attached }) => ({ name, ephemeralNodes, attached }))).toEqual(
    expect.arrayContaining([
      { name: "watcher", ephemeralNodes: 0, attached: true },
      { name: "", ephemeralNodes: 2, attached: true },
      { name: "", ephemeralNodes: 1, attached: true },
    ]),
  );
  const events = collect(watcher.watch({ path: "/brokers/ids", recursive: true }));
  await eventually("the watch began", () => events.length > 0, 30_000);
  silent.child.kill("SIGSTOP"); // its connection stays: only the session timeout can tell
  await victim.kill("SIGKILL");
  await eventually("all nodes are gone", () => !fold(events).nodes.has("/brokers/ids/9"), 30_000);
  expect(events.flatMap((event) => (event.is === "changes" ? [event.deleted] : []))).toEqual([
    ["/brokers/ids/7", "/brokers/ids/8"],
    ["/brokers/ids/9"],
  ]);
  await silent.kill("SIGKILL");
}, 120_000);

it("C-19: leaves a leader that is paused, which later follows and has done nothing twice", async () => {
  const nodes = await quorum(3);
  const session = await client(nodes, "writer");
  await session.create("/counter", Buffer.from("0"));
  const counter = new Counter(session);
  await eventually("writes run", () => counter.acknowledged > 20, 30_000);
  const paused = await leaderOf(nodes);
  nodes.node(paused).child.kill("SIGSTOP");
  const before = counter.acknowledged;
  await eventually("writes go on", () => counter.acknowledged > before + 20, 30_000);
  nodes.node(paused).child.kill("SIGCONT");
  const atWake = counter.acknowledged;
  await eventually("writes still go on", () => counter.acknowledged > atWake + 100, 30_000);
  await counter.stop();
  expect((await session.get("/counter"))?.version).toBe(counter.acknowledged + 1);
  const address = nodes.members.get(paused)!;
  await eventually(
    "the old leader follows",
    async () => (await memberStatus({ address, rpc, timeoutMs: 1_000 })).role === "follower",
    30_000,
  );
}, 120_000);

it("C-18: a machine that stands still for longer than the session timeout expires nobody on waking", async () => {
  const nodes = await quorum(3);
  const peers = [...nodes.members].map(([id, address]) => `${id}=${address}`).join(",");
  const holders = [6, 7, 8, 9].map((id) => new LoggedProcess(clientScript, [peers, `/brokers/ids/${id}`]));
  for (const holder of holders) await holder.event("READY", 30_000);
  const all = [...holders, ...[...nodes.members.keys()].map((id) => nodes.node(id))];
  for (const each of all) each.child.kill("SIGSTOP");
  // Nothing can be waited for here: the time itself is the fault, longer than the session timeout of 6 s.
  await new Promise((resolve) => setTimeout(resolve, 8_000));
  const [silent] = holders;
  for (const each of all) if (each !== silent) each.child.kill("SIGCONT");
  const watcher = await client(nodes, "watcher");
  const first = await watcher.get("/brokers/ids/7");
  // One stays silent: when it is gone, the judge has judged for a whole session timeout since it woke.
  const isGone = async (): Promise<boolean> => !(await watcher.exists("/brokers/ids/6"));
  await eventually("the silent one is gone", isGone, 60_000);
  expect(await watcher.children("/brokers/ids")).toEqual(["7", "8", "9"]);
  expect(await watcher.get("/brokers/ids/7")).toEqual(first);
  for (const holder of holders) await holder.kill("SIGKILL");
}, 120_000);

it("keeps everything acknowledged when all three nodes are killed with -9 at once", async () => {
  const nodes = await quorum(3);
  const before = await client(nodes, "before");
  const id = (await before.get("/cluster/id"))?.data.toString();
  expect(id).toMatch(/^[A-Za-z0-9_-]{22}$/);
  const outcomes = await Promise.all(
    Array.from({ length: 500 }, (_, at) => before.create(`/topics/${at}`, Buffer.from("x"))),
  );
  expect(outcomes.every((outcome) => outcome.is === "done")).toBe(true);
  const log = await before.log({ path: "/", recursive: true });
  await before.set("/topics/7", Buffer.from("y"), 1);
  const ids = [...nodes.members.keys()];
  await Promise.all(ids.map((each) => nodes.node(each).kill("SIGKILL")));
  await Promise.all(ids.map((each) => nodes.startNode(each)));
  const after = await client(nodes, "after");
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
  const nodes = await quorum(3);
  const session = await client(nodes, "writer");
  await session.create("/counter", Buffer.from("0"));
  const counter = new Counter(session);
  const leader = await leaderOf(nodes);
  await eventually("writes run", () => counter.acknowledged > 20, 30_000);
  const node = nodes.node(leader);
  await node.kill("SIGTERM");
  // Its own log says that another led before it was gone.
  const story = node.lines.slice(node.lines.findIndex(({ evt }) => evt === "STOPPING"));
  expect(story).toContainEqual(expect.objectContaining({ evt: "leadership", is: "follower" }));
  expect(story.at(-1)).toMatchObject({ evt: "STOPPED" });
  expect(await node.exited).toBe(0);
  const before = counter.acknowledged;
  await eventually("writes go on", () => counter.acknowledged > before + 20, 30_000);
  await counter.stop();
}, 120_000);

it("serves alone, answers health checks, and ends with the pipe of its starter", async () => {
  const nodes = await quorum(1);
  expect((await fetch(`${nodes.healthUrl(1)}/readyz`)).status).toBe(200);
  expect((await fetch(`${nodes.healthUrl(1)}/livez`)).status).toBe(200);
  const session = await client(nodes, "only");
  expect(await session.create("/x", Buffer.from("1"))).toMatchObject({ is: "done" });
  await nodes.node(1).orphan();
  expect(nodes.node(1).lines.at(-1)).toMatchObject({ evt: "STOPPED", code: 0 });
  await nodes.startNode(1);
  expect((await session.get("/x"))?.data.toString()).toBe("1");
}, 120_000);
