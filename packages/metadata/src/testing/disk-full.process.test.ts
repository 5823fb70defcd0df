import { existsSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "@odradek/kit/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { transferLeadership } from "../client/index.ts";
import type { Outcome, Session } from "../client/types.ts";
import { ProcessQuorum, rpc } from "./process-quorum.ts";
import { noSmallDisks, SmallDisks } from "./small-disks.ts";

const ids = [1, 2, 3];
const skipped = noSmallDisks();
if (skipped !== null) process.stderr.write(`skipped: full disks: ${skipped}\n`);

/** Writes one large value after the other and keeps what was answered; begins a new session when all nodes were away for too long. */
class Writer {
  readonly #quorum: ProcessQuorum;
  acknowledged = 0;
  refused = 0;
  /** Answered neither way: a session ended, or nobody answered in time. */
  unknown = 0;
  #isStopped = false;
  readonly #done: Promise<void>;

  constructor(quorum: ProcessQuorum) {
    this.#quorum = quorum;
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#done;
  }

  async #run(): Promise<void> {
    const data = Buffer.alloc(4_000, "x");
    let session = await this.#quorum.session();
    while (!this.#isStopped) {
      const outcome = await session.set("/counter", data, "any").catch((): Outcome => ({ is: "unknown" }));
      if (outcome.is === "done") this.acknowledged++;
      else if (outcome.is === "failed" && outcome.failure === "NO_SPACE") this.refused++;
      else this.unknown++;
      if (outcome.is === "unknown") session = await this.#quorum.session().catch(() => session);
      if (outcome.is === "failed") await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await session.close();
  }
}

async function start(): Promise<{ disks: SmallDisks; quorum: ProcessQuorum; session: Session }> {
  const disks = await smallDisks(3, 64);
  const flags = ["--free-mib-low", "24", "--free-mib-min", "8", "--ballast-mib", "4"];
  const quorum = await ProcessQuorum.start(3, { command: disks.enter, directory: disks.directory, flags });
  return { disks, quorum, session: await quorum.session() };
}

async function smallDisks(count: number, mib: number): Promise<SmallDisks> {
  const disks = await SmallDisks.mount(count, mib);
  onTestFinished(() => disks.unmount());
  return disks;
}

describe.skipIf(skipped !== null)("R-20: 64 MiB of disk per node", () => {
  it("refuses writes, serves reads and deletes, and goes on by itself when there is room again", async () => {
    const { disks, quorum, session } = await start();
    const spaces = async (): Promise<string> =>
      (await Promise.all(ids.map((id) => quorum.status(id)))).map((status) => status?.space ?? "DOWN").join(" ");
    const data = Buffer.from("x");
    for (const path of ["/topics/a", "/topics/b", "/counter"]) await session.create(path, data);
    const { ended } = session;
    let hasEnded = false;
    void ended.then(() => (hasEnded = true));
    await eventually("all have their ballast", () => ids.every((id) => existsSync(join(disks.seen(id), "ballast"))));

    // One node with little room does not matter: another one leads.
    await eventually("1 leads", async () => {
      for (const id of ids.slice(1))
        await transferLeadership({ address: quorum.nodes.address(id), rpc, timeoutMs: 1_000 }, 1).catch(() => null);
      return (await quorum.status(1))?.role === "leader";
    });
    await disks.fill(1, 16);
    await eventually("1 is low", async () => (await spaces()) === "low ok ok");
    await eventually("another one leads", async () => (await quorum.status(1))?.role === "follower");
    expect(await session.create("/topics/low", data)).toMatchObject({ is: "done" });
    expect(await session.delete("/topics/low", "any")).toMatchObject({ is: "done" });

    await disks.fill(2, 16);
    await eventually("a majority is low", async () => (await spaces()) === "low low ok");
    await eventually("new nodes are refused", async () => {
      const outcome = await session.create("/topics/c", data);
      await session.delete("/topics/c", "any");
      return outcome.is === "failed" && outcome.failure === "NO_SPACE";
    });
    expect(await session.set("/counter", data, "any")).toMatchObject({ is: "done" });
    expect((await session.get("/topics/a"))?.data).toEqual(data);
    expect(await session.delete("/topics/b", "any")).toMatchObject({ is: "done" });

    await Promise.all(ids.map((id) => disks.fill(id, 0)));
    await eventually("all are full", async () => (await spaces()) === "full full full");
    expect((await session.get("/topics/a"))?.data).toEqual(data);
    expect(await session.delete("/topics/a", "any")).toMatchObject({ failure: "NO_SPACE" });
    expect(hasEnded).toBe(false);

    for (const id of ids) disks.free(id);
    await eventually("there is room", async () => (await spaces()) === "ok ok ok");
    await eventually("writes go on", async () => (await session.create("/topics/c", data)).is === "done");
    expect(await session.children("/topics")).toEqual(["a", "c"]);
    expect(hasEnded).toBe(false);
  }, 120_000);

  it("loses nothing acknowledged when disks run full under load and nodes die on them, and recovers without a hand", async () => {
    const { disks, quorum, session } = await start();
    await session.create("/counter", Buffer.from("0"));
    const writer = new Writer(quorum);
    await eventually("writes run", () => writer.acknowledged > 20);
    await eventually("all have their ballast", () => ids.every((id) => existsSync(join(disks.seen(id), "ballast"))));
    await Promise.all(ids.map((id) => disks.fill(id, 0)));
    await eventually("writes are refused", () => writer.refused > 20);
    for (const id of ids) await quorum.nodes.node(id).kill("SIGKILL");
    // Nothing but the ballast is left to open the stores with.
    await Promise.all(ids.map((id) => quorum.nodes.startNode(id)));
    const before = writer.refused;
    await eventually("writes are refused again", () => writer.refused > before + 20, 60_000);
    for (const id of ids) disks.free(id);
    const { acknowledged } = writer;
    await eventually("writes go on", () => writer.acknowledged > acknowledged + 20);
    await writer.stop();
    const { version } = (await (await quorum.session()).get("/counter"))!;
    expect(version).toBeGreaterThanOrEqual(writer.acknowledged + 1);
    expect(version).toBeLessThanOrEqual(writer.acknowledged + writer.unknown + 1);
    await eventually("all are equal", async () => {
      const all = await Promise.all(ids.map((id) => quorum.status(id)));
      return new Set(all.map((status) => status?.revision)).size === 1;
    });
    process.stderr.write(`acknowledged ${writer.acknowledged}, refused ${writer.refused}, unknown ${writer.unknown}\n`);
  }, 120_000);

  it("waits at its first start until there is room", async () => {
    const disks = await smallDisks(1, 16);
    const flags = ["--free-mib-low", "4", "--free-mib-min", "2", "--ballast-mib", "1"];
    const quorum = await ProcessQuorum.plan(1, { command: disks.enter, directory: disks.directory, flags });
    await disks.fill(1, 0);
    const serving = quorum.nodes.startNode(1);
    await quorum.nodes.node(1).event("DISK_FULL", 60_000);
    disks.free(1);
    await serving;
    const session = await quorum.session();
    expect(await session.create("/topics/a", Buffer.from("x"))).toMatchObject({ is: "done" });
  }, 60_000);
});
