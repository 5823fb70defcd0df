import { rmSync, writeFileSync } from "node:fs";
import { eventually } from "@odradek/kit/testing";
import { expect, it } from "vitest";
import type { Session } from "../client/types.ts";
import { Counter } from "./counter.ts";
import { ProcessQuorum } from "./process-quorum.ts";

const ids = [1, 2, 3];
const shim = new URL("faulty-disk.ts", import.meta.url).href;

/** Three nodes whose disks do what they are told. */
class Faulty {
  readonly quorum: ProcessQuorum;
  readonly session: Session;

  private constructor(quorum: ProcessQuorum, session: Session) {
    this.quorum = quorum;
    this.session = session;
  }

  static async start(): Promise<Faulty> {
    const quorum = await ProcessQuorum.start(3, { environment: { NODE_OPTIONS: `--import ${shim}` } });
    return new Faulty(quorum, await quorum.session());
  }

  make(id: number, fault: "hang" | "fail"): void {
    writeFileSync(`${this.quorum.nodes.directory(id)}.fault`, fault);
  }

  heal(id: number): void {
    rmSync(`${this.quorum.nodes.directory(id)}.fault`);
  }

  async hasTriedAgain(id: number): Promise<void> {
    const { lines } = this.quorum.nodes.node(id);
    await eventually("it has tried again", () => lines.filter(({ evt }) => evt === "DISK_FAILED").length >= 2);
  }
}

async function counting(session: Session): Promise<{ counter: Counter; goesOn: () => Promise<void> }> {
  await session.create("/counter", Buffer.from("0"));
  const counter = new Counter(session);
  const goesOn = async (): Promise<void> => {
    const { acknowledged } = counter;
    await eventually("writes go on", () => counter.acknowledged > acknowledged + 20);
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
  const { quorum } = faulty;
  const { counter, goesOn } = await counting(faulty.session);
  const { id: hung, term } = await quorum.leader();
  const startedMs = performance.now();
  faulty.make(hung, "hang");
  const next = await quorum.leader(hung);
  const tookMs = Math.round(performance.now() - startedMs);
  expect(next.term).toBeGreaterThan(term);
  await goesOn();
  process.stderr.write(
    `hung fsync: a new leader after ${tookMs} ms, longest gap ${Math.round(counter.longestGapMs)} ms\n`,
  );
  faulty.heal(hung);
  await quorum.follows(hung);
  await isExact(faulty.session, counter);
}, 120_000);

it("L-11: a leader whose fsync fails acknowledges nothing more, and starts again by itself until its disk is well", async () => {
  const faulty = await Faulty.start();
  const { quorum } = faulty;
  const { counter, goesOn } = await counting(faulty.session);
  const { id: failed } = await quorum.leader();
  faulty.make(failed, "fail");
  await quorum.leader(failed);
  await goesOn();
  await faulty.hasTriedAgain(failed);
  expect(await quorum.status(failed)).toBeNull();
  faulty.heal(failed);
  await quorum.follows(failed);
  await goesOn();
  await isExact(faulty.session, counter);
}, 120_000);

it("L-11: nothing is committed on the word of a follower whose fsync fails", async () => {
  const faulty = await Faulty.start();
  await faulty.session.create("/counter", Buffer.from("0"));
  const { id: leader } = await faulty.quorum.leader();
  const [failed, away] = ids.filter((id) => id !== leader) as [number, number];
  faulty.make(failed, "fail");
  await faulty.quorum.nodes.node(away).kill("SIGKILL");
  let isHealed = false;
  const write = faulty.session.set("/counter", Buffer.from("1"), 1).then((outcome) => ({ outcome, isHealed }));
  await faulty.hasTriedAgain(failed);
  faulty.heal(failed);
  isHealed = true;
  expect(await write).toMatchObject({ outcome: { is: "done" }, isHealed: true });
}, 120_000);
