import { delay, integerBelow, type Random } from "@odradek/kit";
import { isBug, type ProcessClock } from "@odradek/kit/simulation";

import type { Operation } from "../client/types.ts";
import type { Counting } from "./service-lock.ts";
import type { ServiceModel } from "./service-model.ts";
import type { CheckedSession } from "./service-session.ts";

export type WorkParts = {
  name: string;
  names: readonly string[];
  model: ServiceModel;
  random: Random;
  clock: ProcessClock;
  everyMs: number;
  readShare: number;
  isIdle: () => boolean;
  /** Null in worlds without a lock. */
  counting: Counting | null;
};

/** Nodes that everyone writes. */
export const registers = ["/config/a", "/config/b"];

const seat = (name: string): string => `/brokers/ids/${name}`;

/** What one session asks until it ends: first its seat, then reads and writes of all kinds, two at a time; in some worlds it counts under a lock beside. */
export async function work(session: CheckedSession, parts: WorkParts): Promise<void> {
  let isOver = false;
  void session.ended.then(() => (isOver = true));
  const { random, clock, everyMs, isIdle, counting } = parts;
  const ask = async (request: () => Promise<unknown>): Promise<void> => {
    try {
      await request();
    } catch (error) {
      // Calls reject when no member answers for long, or when the session has ended.
      if (isBug(error)) throw error;
    }
  };
  const askOn = async (request: () => Promise<void>): Promise<void> => {
    while (!isOver) {
      await delay(clock, random.next() * 2 * everyMs);
      if (!isOver && !isIdle()) await ask(request);
    }
  };
  const askOne = (): Promise<void> => one(session, parts);
  const loops = [ask(() => takeSeat(session, parts)).then(() => askOn(askOne)), askOn(askOne)];
  if (counting) loops.push(askOn(() => counting.addOne(session)));
  await Promise.all(loops);
}

/** As a broker registers: an old session may still own its node, which is taken over (RELIABILITY C-06). */
async function takeSeat(session: CheckedSession, { name }: WorkParts): Promise<void> {
  const path = seat(name);
  const data = Buffer.from(`${name} in ${session.id}`);
  const isThere = await session.exists(path);
  if (isThere) await session.multi([{ is: "set", path, data, version: "any", ephemeral: true }]);
  else await session.create(path, data, { ephemeral: true });
}

async function one(session: CheckedSession, parts: WorkParts): Promise<void> {
  const { random, name, model, readShare } = parts;
  if (random.next() < 0.05)
    await session.lookBack(pick(registers, random), integerBelow(random, model.tree.revision + 2));
  else if (random.next() >= readShare) await session.multi(draw(parts));
  else await session.get(random.next() < 0.7 ? pick(registers, random) : seat(name));
}

function draw({ name, names, random, model }: WorkParts): Operation[] {
  const chance = random.next();
  const data = Buffer.from(`${name} ${integerBelow(random, 0x7fff_ffff)}`);
  const path = pick(registers, random);
  const own = seat(random.next() < 0.8 ? name : pick(names, random));
  const version = random.next() < 0.4 ? "any" : (model.tree.nodes.get(path)?.version ?? 1);
  const create = (at: string, ephemeral: boolean, sequential: boolean): Operation => {
    return { is: "create", path: at, data, ephemeral, sequential };
  };
  if (chance < 0.15) return [create(path, false, false)];
  if (chance < 0.5) return [{ is: "set", path, data, version }];
  if (chance < 0.6) return [{ is: "delete", path, version, recursive: true }];
  if (chance < 0.7) return [create(own, true, false)];
  if (chance < 0.75) return [{ is: "set", path: own, data, version: "any", ephemeral: true }];
  if (chance < 0.8) return [create("/admin/n-", random.next() < 0.5, true)];
  if (chance < 0.85) return [{ is: "delete", path: own, version: "any" }];
  if (chance < 0.9)
    return [
      { is: "delete", path, version },
      { is: "set", path: "/producer-ids", data, version: "any" },
    ];
  // Mostly fails half way.
  return [
    create("/topics/t-", false, true),
    { is: "set", path: "/producer-ids", data, version: "any" },
    { is: "check", path, version: typeof version === "number" ? version : 1 },
  ];
}

const pick = <T>(from: readonly T[], random: Random): T => from[integerBelow(random, from.length)]!;
