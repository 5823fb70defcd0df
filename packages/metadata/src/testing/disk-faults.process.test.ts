import { rmSync, writeFileSync } from "node:fs";
import { silentLogger, SystemClock, SystemRandom } from "@odradek/kit";
import { grpcRpc } from "@odradek/rpc";
import { afterEach, expect, it } from "vitest";
import { memberStatus, openSession } from "../client/index.ts";
import type { MemberStatus, Session } from "../client/types.ts";
import { Counter } from "./counter.ts";
import { MetadataProcesses } from "./processes.ts";

const rpc = grpcRpc();
const ids = [1, 2, 3];
const shim = new URL("faulty-disk.ts", import.meta.url).href;
const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

async function eventually<T>(what: string, find: () => Promise<T | null>, timeoutMs = 30_000): Promise<T> {
  for (const untilMs = performance.now() + timeoutMs; ;) {
    const found = await find();
    if (found !== null) return found;
    if (performance.now() > untilMs) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Three nodes whose disks do what they are told. */
class Faulty {
  readonly nodes: MetadataProcesses;
  readonly session: Session;

  private constructor(nodes: MetadataProcesses, session: Session) {
    this.nodes = nodes;
    this.session = session;
  }

  static async start(): Promise<Faulty> {
    const nodes = await MetadataProcesses.start(3, { environment: { NODE_OPTIONS: `--import ${shim}` } });
    open.push(() => nodes.stop());
    const ports = { rpc, clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
    const session = await openSession({ members: nodes.members, ...ports, connectTimeoutMs: 30_000 });
    open.push(() => session.close());
    return new Faulty(nodes, session);
  }

  make(id: number, fault: "hang" | "fail"): void {
    writeFileSync(`${this.nodes.directory(id)}.fault`, fault);
  }

  heal(id: number): void {
    rmSync(`${this.nodes.directory(id)}.fault`);
  }

  status(id: number): Promise<MemberStatus | null> {
    return memberStatus({ address: this.nodes.members.get(id)!, rpc, timeoutMs: 1_000 }).catch(() => null);
  }

  leader(but?: number): Promise<MemberStatus> {
    return eventually("one leads", async () => {
      const asked = await Promise.all(ids.filter((id) => id !== but).map((id) => this.status(id)));
      return asked.find((status) => status?.role === "leader") ?? null;
    });
  }

  /** The node follows and has all that its leader has. */
  async followed(id: number): Promise<void> {
    await eventually(`${id} follows`, async () => {
      const [own, leader] = [await this.status(id), await this.leader()];
      return own?.role === "follower" && own.revision === leader.revision ? true : null;
    });
  }

  failures(id: number): number {
    return this.nodes.node(id).lines.filter(({ evt }) => evt === "DISK_FAILED").length;
  }
}

async function counting(session: Session): Promise<{ counter: Counter; goesOn: () => Promise<void> }> {
  await session.create("/counter", Buffer.from("0"));
  const counter = new Counter(session);
  const goesOn = async (): Promise<void> => {
    const { acknowledged } = counter;
    await eventually("writes go on", () => Promise.resolve(counter.acknowledged > acknowledged + 20 || null));
  };
  await goesOn();
  return { counter, goesOn };
}

async function isExact(session: Session, counter: Counter): Promise<void> {
  await counter.stop();
  expect((await session.get("/counter"))?.version).toBe(counter.acknowledged + 1);
}

it("R-19: a leader whose fsync hangs is replaced, and follows when its disk answers again", async () => {
  const faulty = await Faulty.start();
  const { counter, goesOn } = await counting(faulty.session);
  const { id: hung, term } = await faulty.leader();
  const startedMs = performance.now();
  faulty.make(hung, "hang");
  const next = await faulty.leader(hung);
  const tookMs = Math.round(performance.now() - startedMs);
  expect(next.term).toBeGreaterThan(term);
  await goesOn();
  process.stderr.write(`hung fsync: a new leader after ${tookMs} ms, longest gap ${Math.max(...counter.gaps)} ms\n`);
  faulty.heal(hung);
  await faulty.followed(hung);
  await isExact(faulty.session, counter);
}, 120_000);

it("L-11: a leader whose fsync fails acknowledges nothing more, and starts again by itself until its disk is well", async () => {
  const faulty = await Faulty.start();
  const { counter, goesOn } = await counting(faulty.session);
  const { id: failed } = await faulty.leader();
  faulty.make(failed, "fail");
  await faulty.leader(failed);
  await goesOn();
  await eventually("it has tried again", () => Promise.resolve(faulty.failures(failed) >= 2 || null));
  expect(await faulty.status(failed)).toBeNull();
  faulty.heal(failed);
  await faulty.followed(failed);
  await goesOn();
  await isExact(faulty.session, counter);
}, 120_000);

it("L-11: nothing is committed on the word of a follower whose fsync fails", async () => {
  const faulty = await Faulty.start();
  await faulty.session.create("/counter", Buffer.from("0"));
  const { id: leader } = await faulty.leader();
  const [failed, away] = ids.filter((id) => id !== leader) as [number, number];
  faulty.make(failed, "fail");
  await faulty.nodes.node(away).kill("SIGKILL");
  let isHealed = false;
  const write = faulty.session.set("/counter", Buffer.from("1"), 1).then((outcome) => ({ outcome, isHealed }));
  await eventually("it has tried again", () => Promise.resolve(faulty.failures(failed) >= 2 || null));
  faulty.heal(failed);
  isHealed = true;
  expect(await write).toMatchObject({ outcome: { is: "done" }, isHealed: true });
}, 120_000);
