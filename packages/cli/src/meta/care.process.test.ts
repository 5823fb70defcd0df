import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { silentLogger, SystemClock, SystemRandom } from "@odradek/kit";
import { freePorts } from "@odradek/kit/testing";
import { memberStatus, openSession, type Session } from "@odradek/metadata/client";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readState } from "../dev/state-file.ts";
import { CommandRun } from "../testing/command.ts";
import { rpc } from "./connection.ts";

const metadataMain = fileURLToPath(import.meta.resolve("@odradek/metadata/main"));

/** Sets a node again and again; every acknowledged write is counted. */
class Load {
  acknowledged = 0;
  #isStopped = false;
  readonly #done: Promise<void>;

  constructor(session: Session) {
    this.#done = this.#run(session);
  }

  async stop(): Promise<number> {
    this.#isStopped = true;
    await this.#done;
    return this.acknowledged;
  }

  async #run(session: Session): Promise<void> {
    while (!this.#isStopped) {
      const outcome = await session.set("/load", Buffer.from(String(this.acknowledged)), "any");
      if (outcome.is !== "done") throw new Error(`a write was not done: ${JSON.stringify(outcome)}`);
      this.acknowledged++;
    }
  }
}

describe("care of the quorum on a real cluster", { timeout: 120_000 }, () => {
  let cwd: string;
  let dev: CommandRun;
  let started: ChildProcess[];

  beforeEach(async () => {
    started = [];
    cwd = mkdtempSync(join(tmpdir(), "odradek-care-"));
    dev = await startDev(".odradek");
  }, 60_000);

  afterEach(async () => {
    for (const child of started) child.kill("SIGKILL");
    await stopDev();
    rmSync(cwd, { recursive: true, force: true });
  }, 30_000);

  const command = (words: string) => new CommandRun(words.split(" "), { cwd }).ended;
  const run = async (words: string): Promise<string> => {
    const { code, stdout, stderr } = await command(words);
    expect(code, `odradek ${words}\n${stderr}`).toBe(0);
    return stdout;
  };
  const startDev = async (dataDir: string): Promise<CommandRun> => {
    const words = `dev --any-port --brokers 1 --metadata 3 --data-dir ${dataDir}`;
    const next = new CommandRun(words.split(" "), { cwd });
    await next.prints(/ready in/);
    return next;
  };
  const stopDev = async (): Promise<void> => {
    dev.child.kill("SIGINT");
    await dev.ended;
  };
  const membersOfDev = (): Map<number, string> => {
    const nodes = readState(join(cwd, ".odradek"))!.nodes.filter(({ role }) => role === "metadata");
    return new Map(nodes.map(({ id, address }) => [id, address]));
  };

  it("makes a node with all its parents or none of them, and asks about nothing that cannot be done", async () => {
    const impossible = await command("meta create -p /debris/./leaf");
    expect(impossible.code).toBe(2);
    expect(impossible.stderr).toContain("at most 32 levels and 1024 bytes");
    expect((await command("meta get /debris")).code).toBe(3);
    expect(await run("meta create -p /deep/er/leaf")).toBe("/deep/er/leaf\n");
    expect(await run("meta create -p -s /deep/down/job-")).toMatch(/^\/deep\/down\/job-\d{10}\n$/);
    expect((await command("meta create -p /deep/er/leaf")).code).toBe(8);
    for (const words of ["meta members remove 9", "meta rm /nowhere -r"]) {
      const refused = await command(words);
      expect(refused.code, refused.stderr).toBe(3);
    }
    expect((await command("meta rm /deep -r")).stderr).toContain("say --yes");
  });

  it("replaces a member under load in one command, which goes on where it stopped", async () => {
    const members = membersOfDev();
    const ports = { rpc, clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
    const session = await openSession({ members, ...ports, connectTimeoutMs: 30_000 });
    await session.create("/load", Buffer.from(""));
    const load = new Load(session);
    const statuses = await Promise.all(
      [...members.values()].map((address) => memberStatus({ address, rpc, timeoutMs: 2_000 })),
    );
    // The hardest one to replace is the leader.
    const old = statuses.find(({ role }) => role === "leader")!.id;
    const [grpc, health] = await freePorts(2);
    const address = `127.0.0.1:${grpc}`;
    const replace = `meta members replace ${old} --with 4 --address ${address} -y`;
    const early = await command(`${replace} --timeout 1s`);
    expect(early.code).toBe(6);
    expect(early.stderr).toContain("the same command goes on from here");

    const peers = [...members, [4, address] as const].map(([id, at]) => `${id}=${at}`).join(",");
    const words = ["--id", "4", "--data-dir", join(cwd, "metadata-4"), "--join", "--peers", peers];
    const child = spawn(process.execPath, [
      metadataMain,
      ...words,
      ...["--listen", address, "--health", `127.0.0.1:${health}`],
    ]);
    started.push(child);
    await run(`${replace} --timeout 30s`);
    const again = await command(`${replace} --timeout 30s`);
    expect(again).toMatchObject({ code: 0, stderr: expect.stringContaining(`${old} is no member`) as string });
    const [founder, other] = [...members.keys()].filter((id) => id !== old) as [number, number];
    const nobodyComes = await command(
      `meta members replace ${other} --with ${founder} --address ${members.get(founder)} -y`,
    );
    expect(nobodyComes).toMatchObject({
      code: 8,
      stderr: expect.stringContaining("has voted from the beginning") as string,
    });
    const after = await memberStatus({ address, rpc, timeoutMs: 2_000 });
    expect(after.members.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4].filter((id) => id !== old));
    const acknowledged = await load.stop();
    expect((await session.get("/load"))?.version).toBe(acknowledged + 1);
    await session.close();
    expect((await command(`meta members replace 8 --with 9 --address ${address} -y`)).code).toBe(3);
  });

  it("founds a new cluster with what one member had, when the others have lost their disks", async () => {
    await run("meta create /precious pearl");
    await run("topics create words");
    const running = await command("meta snapshot rescue .odradek/metadata-1 rescued");
    expect(running.code).toBe(1);
    expect(running.stderr).toContain("must be stopped first");
    await stopDev();
    for (const lost of [2, 3]) rmSync(join(cwd, `.odradek/metadata-${lost}`), { recursive: true });
    const rescued = await command("meta snapshot rescue .odradek/metadata-1 rescued");
    expect(rescued.code, rescued.stderr).toBe(0);
    expect(rescued.stderr).toContain("WARNING: this is what ONE member had");
    await run("meta snapshot verify rescued");
    await run("meta snapshot restore rescued --data-dir again");
    dev = await startDev("again");
    const state = readState(join(cwd, "again"))!.nodes;
    const meta = state.filter(({ role }) => role === "metadata").map(({ id, address }) => `${id}=${address}`);
    expect(await run(`meta get /precious --meta ${meta.join(",")}`)).toBe("pearl\n");
    const broker = state.find(({ role }) => role === "broker")!.address;
    expect(await run(`topics -o name --brokers ${broker}`)).toContain("words");
  });
});
