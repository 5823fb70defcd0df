import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SystemRandom } from "@odradek/kit";
import { eventually, type LoggedLine } from "@odradek/kit/testing";
import { expect, it } from "vitest";
import { transferLeadership } from "../client/index.ts";
import type { Session } from "../client/types.ts";
import { ProcessQuorum, rpc } from "./process-quorum.ts";
import type { NodeOptions } from "./processes.ts";

const ids = [1, 2, 3];

class Replicas {
  readonly quorum: ProcessQuorum;
  readonly session: Session;

  private constructor(quorum: ProcessQuorum, session: Session) {
    this.quorum = quorum;
    this.session = session;
  }

  static async start(options: NodeOptions): Promise<Replicas> {
    const quorum = await ProcessQuorum.start(3, options);
    return new Replicas(quorum, await quorum.session());
  }

  /** Lets this member lead: what it has is what is read from now on. */
  async lead(id: number): Promise<void> {
    const isLed = async (): Promise<boolean> => {
      const leader = await this.quorum.leader();
      if (leader.id === id) return true;
      const options = { address: this.quorum.nodes.address(leader.id), rpc, timeoutMs: 2_000 };
      await transferLeadership(options, id).catch(() => null);
      return false;
    };
    await eventually(`${id} leads`, isLed, 60_000);
  }

  lines(id: number, evt: string): LoggedLine[] {
    return this.quorum.nodes.node(id).lines.filter((line) => line.evt === evt);
  }

  async logged(id: number, evt: string, count: number): Promise<void> {
    await eventually(`${id} logs ${evt}`, () => this.lines(id, evt).length >= count, 60_000);
  }

  async writeMany(count: number, data: (at: number) => Buffer): Promise<void> {
    for (let from = 0; from < count; from += 50) {
      const writes = Array.from({ length: Math.min(50, count - from) }, (_, at) =>
        this.session.set(`/topics/${(from + at) % 100}`, data(from + at), "any"),
      );
      for (const outcome of await Promise.all(writes)) expect(outcome.is).toBe("done");
    }
  }
}

it("L-24: a byte that changes in the live store of one member is found in the background, and the member mends itself", async () => {
  const replicas = await Replicas.start({ flags: ["--scrub-seconds", "1", "--scrub-mib-per-second", "64"] });
  const random = new SystemRandom();
  const values = Array.from({ length: 100 }, () => random.bytes(4_000));
  for (let at = 0; at < 100; at++) await replicas.session.create(`/topics/${at}`, Buffer.alloc(0));
  await replicas.writeMany(100, (at) => values[at]!);
  const { id: leader } = await replicas.quorum.leader();
  const victim = ids.find((id) => id !== leader)!;
  // LevelDB moves what it has in memory to a table when it opens.
  const { nodes } = replicas.quorum;
  await nodes.node(victim).kill("SIGKILL");
  await nodes.startNode(victim);
  await replicas.logged(victim, "SCRUBBED", 1);
  const directory = join(nodes.directory(victim), "tree");
  const injured = readdirSync(directory).filter((name) => {
    const bytes = readFileSync(join(directory, name));
    const at = name.endsWith(".ldb") ? bytes.indexOf(values[50]!.subarray(0, 100)) : -1;
    if (at >= 0) bytes.writeUInt8(bytes[at + 50]! ^ 4, at + 50);
    if (at >= 0) writeFileSync(join(directory, name), bytes);
    return at >= 0;
  });
  expect(injured).not.toEqual([]);
  await replicas.logged(victim, "ROT", 1);
  const before = replicas.lines(victim, "SCRUBBED").length;
  await replicas.logged(victim, "SCRUBBED", before + 1);
  await replicas.lead(victim);
  for (const [at, value] of values.entries())
    expect((await replicas.session.get(`/topics/${at}`))?.data.equals(value), `/topics/${at}`).toBe(true);
}, 120_000);

it.each(["follower", "leader"] as const)(
  "R-26: a %s whose state is another one stops, and gets the state of the majority",
  async (role) => {
    const impure = new URL("impure.ts", import.meta.url).href;
    const replicas = await Replicas.start({ environment: { NODE_OPTIONS: `--import ${impure}` } });
    for (let at = 0; at < 100; at++) await replicas.session.create(`/topics/${at}`, Buffer.alloc(0));
    const { quorum } = replicas;
    const { id: leader } = await quorum.leader();
    const wrong = role === "leader" ? leader : ids.find((id) => id !== leader)!;
    writeFileSync(`${quorum.nodes.directory(wrong)}.impure`, "");
    await replicas.writeMany(1_000, (at) => Buffer.from(String(at)));
    await replicas.logged(wrong, "DISTRUSTED", 1);
    await replicas.logged(wrong, "store_set_aside", 1);
    await eventually("it follows", async () => (await quorum.status(wrong))?.role === "follower", 60_000);
    // Past the next checkpoint nothing is wrong any more, with anybody.
    await replicas.writeMany(1_000, (at) => Buffer.from(`again ${at}`));
    await replicas.lead(wrong);
    expect((await replicas.session.get("/topics/99"))?.data.toString()).toBe("again 999");
    const failures = ids.map((id) => replicas.lines(id, "DISTRUSTED").length);
    expect(failures).toEqual(ids.map((id) => (id === wrong ? 1 : 0)));
  },
  120_000,
);
