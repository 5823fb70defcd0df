import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { NodeFiles, type Rpc, silentLogger, SystemClock, SystemRandom } from "@odradek/kit";
import { eventually } from "@odradek/kit/testing";
import { grpcRpc } from "@odradek/rpc";
import { expect, onTestFinished, test } from "vitest";

import { LevelKv } from "../store/level-kv.ts";
import { JournalMachine } from "../testing/journal-machine.ts";
import type { Consensus } from "./consensus.ts";
import type { MemberChange } from "./membership.ts";
import { startConsensus } from "./start.ts";

type Node = { consensus: Consensus<number>; machine: JournalMachine; stop: () => Promise<void> };

/** Members on real disks and real gRPC, all in this process. */
class Quorum {
  readonly nodes = new Map<number, Node>();
  readonly #directory = mkdtempSync(join(tmpdir(), "odradek-raft-"));
  readonly #members: { id: number; address: string }[];
  readonly #founders: number;
  readonly #clock = new SystemClock();
  readonly #rpc: Rpc = grpcRpc();

  private constructor(ports: number[], founders: number) {
    this.#founders = founders;
    this.#members = ports.map((port, at) => ({ id: at + 1, address: `127.0.0.1:${port}` }));
  }

  /** Addresses for `count` members, of which the founders run. */
  static async start(count: number, founders = count): Promise<Quorum> {
    const ports: number[] = [];
    for (let at = 0; at < count; at++) {
      const probe = grpcRpc().server();
      ports.push(await probe.listen("127.0.0.1:0"));
      await probe.close();
    }
    const quorum = new Quorum(ports, founders);
    for (const { id } of quorum.#members.slice(0, founders)) await quorum.start(id);
    onTestFinished(async () => {
      for (const node of quorum.nodes.values()) await node.stop();
      rmSync(quorum.#directory, { recursive: true });
    });
    return quorum;
  }

  async start(id: number, options: { snapshotEntries: number; tailEntries: number } | object = {}): Promise<void> {
    const directory = join(this.#directory, String(id));
    const files = new NodeFiles();
    files.makeDirectory(directory);
    const kv = await LevelKv.open(join(directory, "level"));
    const server = this.#rpc.server();
    const machine = new JournalMachine();
    const consensus = await startConsensus({
      id,
      members: this.#members.filter((member) => member.id <= this.#founders || member.id === id),
      joining: id > this.#founders,
      stateMachine: machine,
      kv,
      files,
      directory,
      rpcServer: server,
      rpc: this.#rpc,
      clock: this.#clock,
      random: new SystemRandom(),
      logger: silentLogger,
      limits: options,
    });
    await server.listen(this.address(id));
    const stop = async (): Promise<void> => {
      this.nodes.delete(id);
      await consensus.close();
      await server.close();
      await kv.close();
    };
    this.nodes.set(id, { consensus, machine, stop });
  }

  address(id: number): string {
    return this.#members.find((member) => member.id === id)!.address;
  }

  get leader(): Node | undefined {
    return [...this.nodes.values()].find((node) => node.consensus.leadership.is === "leader");
  }

  async propose(line: string): Promise<void> {
    await eventually("one leads", () => this.leader !== undefined);
    expect(await this.leader!.consensus.propose(Buffer.from(line))).toMatchObject({ is: "applied" });
  }
}

test("one node elects itself at once, applies, and finds its state again", async () => {
  const quorum = await Quorum.start(1);
  await quorum.propose("a");
  await quorum.propose("b");
  await quorum.nodes.get(1)!.stop();
  await quorum.start(1);
  await quorum.propose("c");
  expect(quorum.nodes.get(1)!.machine.lines).toEqual(["a", "b", "c"]);
  expect(await quorum.leader!.consensus.readBarrier()).toBe("ok");
});

test("three nodes elect, replicate, and go on when any one of them is stopped and started", async () => {
  const quorum = await Quorum.start(3);
  const expected: string[] = [];
  for (const id of [1, 2, 3]) {
    await quorum.propose(`before ${id}`);
    await quorum.nodes.get(id)!.stop();
    await quorum.propose(`without ${id}`);
    await quorum.start(id);
    expected.push(`before ${id}`, `without ${id}`);
  }
  const haveAll = (): boolean =>
    [...quorum.nodes.values()].every((node) => node.machine.lines.length === expected.length);
  await eventually("all have everything", haveAll);
  for (const node of quorum.nodes.values()) expect(node.machine.lines).toEqual(expected);
});

test("a lagging node gets the state as a snapshot, and replicates on from there", async () => {
  const quorum = await Quorum.start(3);
  await quorum.propose("first");
  const away = [...quorum.nodes.keys()].find((id) => quorum.nodes.get(id) !== quorum.leader)!;
  for (const id of [1, 2, 3]) {
    await quorum.nodes.get(id)!.stop();
    if (id !== away) await quorum.start(id, { snapshotEntries: 10, tailEntries: 2 });
  }
  // The log waits for a follower for as long as that may just be slow.
  let lines = 1;
  for (; lines < 20_000 && (quorum.leader?.consensus.status().firstIndex ?? 0) < 20; lines++)
    await quorum.propose(`line ${lines}`);
  await quorum.start(away, { snapshotEntries: 10, tailEntries: 2 });
  const behind = quorum.nodes.get(away)!;
  let restored = 0;
  behind.consensus.onRestored = () => restored++;
  await eventually("it has caught up", () => behind.machine.lines.length === lines);
  expect(restored).toBeGreaterThan(0);
  await quorum.propose("last");
  await eventually("it follows", () => behind.machine.lines.length === lines + 1);
  expect(behind.machine.lines).toEqual(quorum.leader!.machine.lines);
});

test("proposals of one tick share a write, and are bounded", async () => {
  const quorum = await Quorum.start(1);
  const { consensus } = await eventually("one leads", () => quorum.leader);
  const proposals = Array.from({ length: 12_000 }, (_, at) => consensus.propose(Buffer.from(`line ${at}`)));
  const outcomes = await Promise.all(proposals);
  const applied = outcomes.filter((outcome) => outcome.is === "applied");
  expect(applied.map((outcome) => outcome.result)).toEqual(applied.map((_, at) => at + 1));
  expect(applied.length).toBeGreaterThan(9000);
  expect(outcomes.filter((outcome) => outcome.is === "busy").length).toBe(12_000 - applied.length);
});

test("R-12: a node joins, votes, outlives all founders, and everyone knows the members again after a restart", async () => {
  const quorum = await Quorum.start(4, 1);
  await quorum.propose("first");
  const change = (wanted: MemberChange): Promise<true> =>
    eventually(`${wanted.is} ${wanted.id}`, async () => (await quorum.leader?.consensus.change(wanted))?.is === "done");
  for (const id of [2, 3, 4]) {
    await quorum.start(id);
    await change({ is: "add", id, address: quorum.address(id) });
    await change({ is: "promote", id });
  }
  await quorum.propose("second");
  await change({ is: "remove", id: 1 });
  const leads = (id: number): boolean => quorum.nodes.get(id)!.consensus.leadership.is === "leader";
  await eventually("one of those that stay leads", () => !leads(1) && [2, 3, 4].some(leads));
  await quorum.propose("third");
  expect(quorum.leader!.consensus.status()).toMatchObject({ members: [2, 3, 4], learners: [] });
  for (const id of [1, 2, 3, 4]) await quorum.nodes.get(id)!.stop();
  for (const id of [2, 3, 4]) await quorum.start(id);
  await quorum.propose("fourth");
  await eventually("all have everything", () =>
    [...quorum.nodes.values()].every((node) => node.machine.lines.length === 4),
  );
  for (const { consensus, machine } of quorum.nodes.values()) {
    expect(machine.lines).toEqual(["first", "second", "third", "fourth"]);
    expect(consensus.status()).toMatchObject({ members: [2, 3, 4], learners: [] });
  }
});
