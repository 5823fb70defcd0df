import { cpSync } from "node:fs";
import { NodeFiles, silentLogger, SystemClock, SystemRandom } from "@odradek/kit";
import { eventually } from "@odradek/kit/testing";
import { expect, it } from "vitest";
import { changeMembers, downloadSnapshot, transferLeadership } from "../client/index.ts";
import type { Administered, MemberChange, MemberOptions } from "../client/types.ts";
import { encodeSnapshotFile, restoreSnapshot, verifySnapshot } from "../offline/index.ts";
import { Counter } from "./counter.ts";
import { ProcessQuorum, rpc } from "./process-quorum.ts";

/** Asks whoever leads until it is done; a lost answer may have been "done". */
async function administer(quorum: ProcessQuorum, ask: (leader: MemberOptions) => Promise<Administered>): Promise<void> {
  await eventually("it is done", async () => {
    const { id } = await quorum.leader();
    const options = { address: quorum.nodes.address(id), rpc, timeoutMs: 5_000 };
    const answer = await ask(options).catch(() => ({ is: "unknown" }) as const);
    return answer.is === "done" || (answer.is === "refused" && /EXISTS|NO_MEMBER|NOT_A_LEARNER/.test(answer.why));
  });
}

const change = (quorum: ProcessQuorum, wanted: MemberChange): Promise<void> =>
  administer(quorum, (leader) => changeMembers(leader, wanted));

/** Starts a node that joins, and makes it a voter. */
async function join(quorum: ProcessQuorum, id: number): Promise<void> {
  const address = await quorum.nodes.newNode(id);
  const serving = quorum.nodes.startNode(id);
  await change(quorum, { is: "add", id, address });
  await serving;
  await change(quorum, { is: "promote", id });
}

it("loses nothing while a fourth node comes, an old one is removed and the leader is killed with -9", async () => {
  const quorum = await ProcessQuorum.start(3);
  const session = await quorum.session();
  await session.create("/counter", Buffer.from("0"));
  const counter = new Counter(session);
  const goesOn = async (): Promise<void> => {
    const { acknowledged } = counter;
    await eventually("writes go on", () => counter.acknowledged > acknowledged + 20);
  };
  await goesOn();
  await join(quorum, 4);
  await goesOn();
  const { id: first } = await quorum.leader();
  const old = [1, 2, 3].find((id) => id !== first)!;
  await change(quorum, { is: "remove", id: old });
  await quorum.nodes.node(old).kill("SIGKILL");
  await goesOn();
  await quorum.nodes.node(first).kill("SIGKILL");
  await goesOn();
  await quorum.nodes.startNode(first);
  // In the end the quorum is the one that the client was never told of, but by the quorum itself.
  for (const id of [1, 2, 3]) if (id !== old) await change(quorum, { is: "remove", id });
  const alone = await eventually("4 leads alone", async () => {
    const status = await quorum.leader();
    return status.id === 4 && status.members.length === 1 && status;
  });
  expect(alone.memberList).toEqual([{ id: 4, address: quorum.nodes.address(4), learner: false, added: true }]);
  await goesOn();
  await counter.stop();
  expect((await session.get("/counter"))?.version).toBe(counter.acknowledged + 1);
}, 120_000);

it("R-23: a node that lost its disk comes back as itself, and only then is another one spared", async () => {
  const quorum = await ProcessQuorum.start(3);
  const session = await quorum.session();
  const { id: leader } = await quorum.leader();
  const [lost, other] = [1, 2, 3].filter((id) => id !== leader) as [number, number];
  for (let at = 0; at < 50; at++) await session.create(`/topics/${at}`, Buffer.from("x"));
  await quorum.nodes.node(lost).kill("SIGKILL");
  quorum.nodes.wipe(lost);
  await quorum.nodes.startNode(lost);
  await eventually("it follows", async () => (await quorum.status(lost))?.role === "follower");
  await quorum.nodes.node(other).kill("SIGKILL");
  expect(await session.create("/topics/more", Buffer.from("x"))).toMatchObject({ is: "done" });
  await eventually(
    "it has everything",
    async () => (await quorum.status(lost))?.nodes === (await quorum.leader()).nodes,
  );
}, 120_000);

it("O-06: a member that starts on an old backup of its disk gets back what it has forgotten, and then stands for it", async () => {
  const quorum = await ProcessQuorum.start(3);
  const { nodes } = quorum;
  const session = await quorum.session();
  const { id: leader } = await quorum.leader();
  const [old, other] = [1, 2, 3].filter((id) => id !== leader) as [number, number];
  const make = async (names: string): Promise<void> => {
    for (let at = 0; at < 30; at++)
      expect(await session.create(`/topics/${names}-${at}`, Buffer.from("x"))).toMatchObject({ is: "done" });
  };
  await make("early");
  const backup = `${nodes.directory(old)}.backup`;
  await nodes.node(old).kill("SIGKILL");
  cpSync(nodes.directory(old), backup, { recursive: true });
  await nodes.startNode(old);
  await eventually("it follows", async () => (await quorum.status(old))?.role === "follower");
  // Acknowledged by the leader and the one that will forget.
  await nodes.node(other).kill("SIGKILL");
  await make("late");
  await nodes.node(old).kill("SIGKILL");
  nodes.wipe(old);
  cpSync(backup, nodes.directory(old), { recursive: true });
  await nodes.startNode(old);
  await eventually("the old disk has everything", async () => {
    const [own, now] = [await quorum.status(old), await quorum.leader()];
    return own?.revision === now.revision;
  });
  // The one that knew better goes, the one that never knew comes.
  await nodes.node(leader).kill("SIGKILL");
  await nodes.startNode(other);
  expect(await (await quorum.session()).children("/topics")).toHaveLength(60);
}, 120_000);

it("hands leadership to the member that is named, while clients write", async () => {
  const quorum = await ProcessQuorum.start(3);
  const session = await quorum.session();
  await session.create("/counter", Buffer.from("0"));
  const counter = new Counter(session);
  for (const to of [1, 2, 3]) {
    await administer(quorum, async (leader) => {
      if ((await quorum.leader()).id === to) return { is: "done" };
      return transferLeadership(leader, to);
    });
    expect((await quorum.leader()).id).toBe(to);
  }
  await counter.stop();
  expect((await session.get("/counter"))?.version).toBe(counter.acknowledged + 1);
}, 120_000);

it("O-06: a snapshot founds another cluster, which has everything and refuses the nodes of the old one", async () => {
  const old = await ProcessQuorum.start(3);
  const before = await old.session();
  await before.create("/topics/words", Buffer.from("x".repeat(100_000)));
  await before.create("/brokers/ids/7", Buffer.from("here"), { ephemeral: true });
  const { id: leader } = await old.leader();
  const clock = new SystemClock();
  const options = { address: old.nodes.address(leader), rpc, clock, timeoutMs: 10_000 };
  const follower = [1, 2, 3].find((id) => id !== leader)!;
  expect(await downloadSnapshot({ ...options, address: old.nodes.address(follower) })).toBeNull();
  const snapshot = (await downloadSnapshot(options))!;
  await before.create("/topics/later", Buffer.from("y"));
  const file = verifySnapshot(Buffer.concat(encodeSnapshotFile({ ...snapshot, savedAtMs: 1 })));

  const restored = await ProcessQuorum.plan(3);
  const { nodes } = restored;
  const directories = new Map([1, 2, 3].map((id) => [id, nodes.directory(id)]));
  const ports = { files: new NodeFiles(), random: new SystemRandom(), logger: silentLogger };
  const name = await restoreSnapshot({ file, directories, ...ports });
  expect(name).not.toBe(snapshot.clusterId);
  await expect(restoreSnapshot({ file, directories, ...ports })).rejects.toThrow("not empty");
  await Promise.all([1, 2, 3].map((id) => nodes.startNode(id)));
  const after = await restored.session();
  expect((await after.get("/topics/words"))?.data.length).toBe(100_000);
  expect((await after.get("/cluster/id"))?.data).toEqual((await before.get("/cluster/id"))?.data);
  expect(await after.exists("/topics/later")).toBe(false);
  expect(JSON.parse((await after.get("/producer-ids"))!.data.toString())).toEqual({ next: 2 ** 40 });
  await eventually("sessions that are gone expire", async () => !(await after.exists("/brokers/ids/7")));

  // Node 1 of the new cluster on the directory that node 1 of the old one left: the others have another name.
  await nodes.node(1).kill("SIGKILL");
  await old.nodes.node(1).kill("SIGKILL");
  nodes.wipe(1);
  cpSync(old.nodes.directory(1), nodes.directory(1), { recursive: true });
  const stranger = nodes.startNode(1).then(
    () => "serves",
    () => "does not serve",
  );
  await nodes.node(1).event("wrong_peer", 15_000);
  expect(await after.create("/topics/more", Buffer.from("x"))).toMatchObject({ is: "done" });
  await nodes.node(1).kill("SIGKILL");
  expect(await stranger).toBe("does not serve");
}, 120_000);
