import { isDeepStrictEqual } from "node:util";

import { must } from "@odradek/kit/simulation";

import type { Operation, Outcome, Past, Session, Watch, WatchOptions, Znode } from "../client/types.ts";
import type { ServiceModel } from "./service-model.ts";
import type { Histories } from "./service-histories.ts";
import { checkLog, checkPast } from "./service-past.ts";
import { CheckedWatch, same } from "./service-watch.ts";

/** What some client was told already: whatever is asked from now on must see it (linearizability in real time). */
export type Known = { index: number; revision: number; acknowledged: number };

type Parts = {
  session: Session & Past;
  /** Of the client. */
  name: string;
  model: ServiceModel;
  known: Known;
  histories: Histories;
  failed: (error: unknown) => void;
  /** Something was answered. */
  answered: () => void;
};

/** A session whose every answer is compared with the model. */
export class CheckedSession implements Session {
  readonly id: string;
  readonly ended: Promise<"expired" | "closed">;
  readonly #parts: Parts;
  readonly #watches: CheckedWatch[];
  #writes = 0;
  /** Revisions that answers revealed in this event. */
  #revealed: number[] = [];

  constructor(parts: Parts) {
    const { session, name, model, failed } = parts;
    this.#parts = parts;
    this.id = session.id;
    this.ended = session.ended;
    this.#watches = ["/", "/config"].map((path) => {
      const watch = session.watch({ path, recursive: true });
      return new CheckedWatch({ watch, path, model, name: `${name}'s watch on ${path}`, failed });
    });
  }

  get connected(): boolean {
    return this.#parts.session.connected;
  }

  /** After every event: watches have shown what answers told (RELIABILITY C-08). */
  look(): void {
    for (const revision of this.#revealed) for (const watch of this.#watches) watch.revealed(revision);
    this.#revealed = [];
  }

  async get(path: string): Promise<Znode | null> {
    const { session, model, histories } = this.#parts;
    const answered = histories.read(path);
    const node = await this.#read(
      `read ${path}`,
      async () => {
        const found = await session.get(path);
        answered(found);
        return found;
      },
      (found, revision) => same(found, model.at(path, revision)),
    );
    if (node) this.#revealed.push(node.modifiedRevision);
    return node;
  }

  async exists(path: string): Promise<boolean> {
    return (await this.get(path)) !== null;
  }

  children(path: string): Promise<string[]> {
    const { session, model } = this.#parts;
    return this.#read(
      `read the children of ${path}`,
      () => session.children(path),
      (names, revision) => names.join() === model.childrenAt(path, revision).join(),
    );
  }

  /** What was at a path, and what happened below it; either may be forgotten. */
  async lookBack(path: string, revision: number): Promise<void> {
    const parts = { ...this.#parts, floor: this.#parts.known.revision };
    await checkPast(parts, path, revision);
    await checkLog(parts, path, revision);
  }

  async multi(operations: Operation[]): Promise<Outcome> {
    const { model, known, name, session, histories } = this.#parts;
    const floor = known.index;
    const sequence = ++this.#writes;
    const told = histories.write(operations);
    const outcome = await session.multi(operations);
    told(outcome);
    if (outcome.is === "unknown") return outcome;
    const answered = model.answers.get(session.id)?.get(sequence);
    const what = `${name}'s write ${sequence}`;
    must(answered !== undefined, `${what} was answered and is not committed`);
    must(isDeepStrictEqual(answered.operations, operations.map(complete)), `${what} was committed as another one`);
    must(isDeepStrictEqual(plain(outcome), plain(answered.outcome)), `${what} was answered ${JSON.stringify(outcome)}`);
    must(answered.index > floor, `${what} is entry ${answered.index}, but began after ${floor} was answered`);
    known.index = Math.max(known.index, answered.index);
    known.acknowledged++;
    this.#parts.answered();
    if (outcome.is !== "done") return outcome;
    known.revision = Math.max(known.revision, outcome.revision);
    this.#revealed.push(outcome.revision);
    return outcome;
  }

  create(path: string, data: Buffer, options: { ephemeral?: boolean; sequential?: boolean } = {}): Promise<Outcome> {
    return this.multi([{ is: "create", path, data, ...options }]);
  }

  set(path: string, data: Buffer, version: number | "any"): Promise<Outcome> {
    return this.multi([{ is: "set", path, data, version }]);
  }

  delete(path: string, version: number | "any", options: { recursive?: boolean } = {}): Promise<Outcome> {
    return this.multi([{ is: "delete", path, version, ...options }]);
  }

  watch(options: WatchOptions): Watch {
    return this.#parts.session.watch(options);
  }

  reachableAt(address: string): void {
    this.#parts.session.reachableAt(address);
  }

  close(): Promise<void> {
    return this.#parts.session.close();
  }

  /** The answer is the state of one revision between what was known when it was asked and now. */
  async #read<T>(what: string, ask: () => Promise<T>, isAt: (found: T, revision: number) => boolean): Promise<T> {
    const { known, model, name } = this.#parts;
    const floor = known.revision;
    const found = await ask();
    this.#parts.answered();
    const now = model.tree.revision;
    let revision = floor;
    while (revision <= now && !isAt(found, revision)) revision++;
    must(revision <= now, `${name} ${what} as it was at none of the revisions ${floor} to ${now}`);
    known.revision = Math.max(known.revision, revision);
    return found;
  }
}

/** As it comes out of the log. */
function complete(operation: Operation): Operation {
  switch (operation.is) {
    case "create":
      return { ...operation, ephemeral: operation.ephemeral ?? false, sequential: operation.sequential ?? false };
    case "set":
      return { ...operation, ephemeral: operation.ephemeral ?? false };
    case "delete":
      return { ...operation, recursive: operation.recursive ?? false };
    default:
      return operation;
  }
}

/** Without undefined fields, which only one of the two may have. */
const plain = (outcome: Outcome): unknown => JSON.parse(JSON.stringify(outcome));
