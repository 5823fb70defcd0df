import { epochMs, must } from "@odradek/kit/simulation";

import type { Operation, Outcome } from "../client/types.ts";
import { limits } from "../limits.ts";
import type { Entry } from "../store/entry.ts";
import { decodeCommand } from "../tree/commands.ts";
import { changedPaths, Model, type ModelNode } from "./model.ts";

type ModelSession = {
  epoch: number;
  renewals: number;
  last: number;
  answers: Map<number, Answered>;
  timeoutMs: number;
};
export type Answered = { index: number; operations: Operation[]; outcome: Outcome };
type Version = { revision: number; node: ModelNode | null };

/** The whole store as one would first write it down, fed with the entries that were committed, in their order. */
export class ServiceModel {
  readonly tree = new Model();
  readonly sessions = new Map<string, ModelSession>();
  /** Answers of sessions that ended stay: their clients may still be told. */
  readonly answers = new Map<string, Map<number, Answered>>();
  /** By path, every version it ever had. */
  readonly #versions = new Map<string, Version[]>();
  /** By revision, the paths that it changed. */
  readonly #changes: Set<string>[] = [new Set()];
  /** By index, what every node that applied it must have: revision, nodes, sessions, oldest revision. */
  readonly #pictures: string[] = [];
  onExpired: (session: string, why: { term: number; atMs: number; timeoutMs: number }) => void = () => {};
  /** A write of a session was done. */
  onDone: (session: string, operations: readonly Operation[]) => void = () => {};
  index = 0;
  #oldest = 0;
  #done: [session: string, operations: readonly Operation[]] | null = null;

  /** Entries come in the order of their indexes, each once. */
  apply(entry: Entry): void {
    must(entry.index === this.index + 1, `entry ${entry.index} is committed after ${this.index}`);
    this.index = entry.index;
    const before = this.tree.nodes;
    const revision = this.tree.revision;
    if (entry.is === "data") this.#command(entry);
    if (this.tree.revision > revision) this.#remember(before);
    if (this.#done) this.onDone(...this.#done);
    this.#done = null;
    this.#oldest = Math.max(this.#oldest, this.tree.revision - limits.historyRevisionsMax);
    this.#pictures[entry.index] = this.#picture();
  }

  /** What a node must be that has applied everything up to `index`. */
  pictureAt(index: number): string | undefined {
    return this.#pictures[index];
  }

  /** The node at `path` after `revision`. */
  at(path: string, revision: number): ModelNode | null {
    return this.#versions.get(path)?.findLast((version) => version.revision <= revision)?.node ?? null;
  }

  /** The oldest revision that can be read. */
  get oldest(): number {
    return this.#oldest;
  }

  /** Names of the children of `path` after `revision`, sorted. */
  childrenAt(path: string, revision: number): string[] {
    const isChild = (each: string): boolean =>
      each.startsWith(`${path}/`) && !each.slice(path.length + 1).includes("/");
    const children = [...this.paths].filter((each) => isChild(each) && this.at(each, revision) !== null);
    return children.map((each) => each.slice(path.length + 1)).toSorted();
  }

  /** Paths that `revision` changed, of which `sees` is true. */
  changed(revision: number, sees: (path: string) => boolean): string[] {
    return [...this.#changes[revision]!].filter(sees);
  }

  get paths(): Iterable<string> {
    return this.#versions.keys();
  }

  #command(entry: Entry): void {
    const { command, timeMs } = decodeCommand(entry.data);
    const session = "session" in command ? this.sessions.get(command.session) : undefined;
    switch (command.is) {
      case "attach": {
        if (!session && !command.create) return;
        if (session && session.epoch >= command.epoch) return;
        const { epoch, timeoutMs } = command;
        if (session) Object.assign(session, { epoch, renewals: session.renewals + 1 });
        else {
          const answers = new Map<number, Answered>();
          this.answers.set(command.session, answers);
          this.sessions.set(command.session, { epoch, renewals: 1, last: 0, answers, timeoutMs });
        }
        return;
      }
      case "request": {
        if (!session || command.epoch < session.epoch || command.sequence !== session.last + 1) return;
        session.last = command.sequence;
        const { operations } = command;
        const outcome = this.tree.multi(operations, command.session);
        if (outcome.is === "done") this.#done = [command.session, operations];
        session.answers.set(command.sequence, { index: entry.index, operations, outcome });
        return;
      }
      case "close":
        return this.#end(command.session);
      case "expire":
        if (!session || command.term !== entry.term || session.renewals !== command.renewals) return;
        this.onExpired(command.session, { term: entry.term, atMs: timeMs - epochMs, timeoutMs: session.timeoutMs });
        return this.#end(command.session);
      case "plant":
        if (this.tree.revision === 0) this.tree.multi(command.operations, "");
        return;
      case "compact":
        this.#oldest = Math.max(this.#oldest, Math.min(command.through, this.tree.revision));
    }
  }

  #end(id: string): void {
    if (this.sessions.delete(id)) this.tree.end(id);
  }

  #remember(before: ReadonlyMap<string, ModelNode>): void {
    const { revision, nodes } = this.tree;
    const paths = new Set<string>();
    for (const path of changedPaths(before, nodes)) {
      const [old, node] = [before.get(path), nodes.get(path) ?? null];
      // A parent that only counts its sequential children is not changed for anyone who watches.
      if (old && node && old.modified === node.modified) continue;
      paths.add(path);
      const versions = this.#versions.get(path) ?? [];
      versions.push({ revision, node });
      this.#versions.set(path, versions);
      must(!node?.owner || this.sessions.has(node.owner), `${path} has an owner that is no session`);
    }
    this.#changes[revision] = paths;
  }

  #picture(): string {
    return `${this.tree.revision} ${this.tree.nodes.size} ${this.sessions.size} ${this.#oldest}`;
  }
}
