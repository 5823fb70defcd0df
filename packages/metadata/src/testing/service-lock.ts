import { delay, type Random } from "@odradek/kit";
import { must, type ProcessClock } from "@odradek/kit/simulation";

import type { Operation } from "../client/types.ts";
import { acquire, guarded, type Lock } from "./recipes/lock.ts";
import type { ServiceModel } from "./service-model.ts";
import type { CheckedSession } from "./service-session.ts";

const lockPath = "/admin/lock";
const counterPath = "/admin/counter";

/** A program that adds one to a counter under the lock of docs/recipes.md. It does not ask whether it still has the lock: that is what the token is for. */
export class Counting {
  readonly #clock: ProcessClock;
  readonly #random: Random;
  /** What it was about to write; a new session goes on with it. */
  #unfinished: { lock: Lock; operations: Operation[] } | null = null;

  constructor(clock: ProcessClock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  async addOne(session: CheckedSession): Promise<void> {
    await this.#finish(session);
    await session.create(lockPath, Buffer.alloc(0));
    await session.create(counterPath, Buffer.from("0"));
    const lock = await acquire(session, lockPath);
    const counter = await session.get(counterPath);
    const data = Buffer.from(String(Number(counter?.data) + 1));
    this.#unfinished = { lock, operations: [{ is: "set", path: counterPath, data, version: "any" }] };
    await delay(this.#clock, this.#random.next() * 100);
    // Now and then the lock is lost meanwhile, with the session.
    if (this.#random.next() < 0.1) await session.close();
    await this.#finish(session);
    await lock.release();
  }

  async #finish(session: CheckedSession): Promise<void> {
    if (!this.#unfinished) return;
    const { lock, operations } = this.#unfinished;
    await guarded(session, lock, operations);
    this.#unfinished = null;
  }
}

/** Of every write that was done: the counter is written by whoever is first in the queue, and every value follows the one before (RELIABILITY C-13). */
export function checkCounted(model: ServiceModel, session: string, operations: readonly Operation[]): void {
  const write = operations.find(({ is, path }) => is === "set" && path === counterPath);
  if (write?.is !== "set") return;
  const name = model.tree.children(lockPath).toSorted()[0];
  const first = name === undefined ? null : `${lockPath}/${name}`;
  const guard = operations.find(({ is, path }) => is === "check" && path.startsWith(`${lockPath}/`));
  // A program that gave its session up may write by the next one, as long as its old place is the first.
  const isFirst = guard ? guard.path === first : first !== null && model.tree.nodes.get(first)!.owner === session;
  must(isFirst, `${session} counts with ${guard?.path ?? "no token"}, but ${first} holds the lock`);
  const before = Number(model.at(counterPath, model.tree.revision - 1)?.data);
  must(Number(write.data) === before + 1, `the counter goes from ${before} to ${write.data.toString()}`);
}
