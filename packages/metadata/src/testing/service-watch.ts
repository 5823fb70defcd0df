import { must, Violation } from "@odradek/kit/simulation";

import type { Watch, WatchEvent, Znode } from "../client/types.ts";
import { isUnder } from "../tree/znode.ts";
import type { ModelNode } from "./model.ts";
import type { ServiceModel } from "./service-model.ts";

/**
 * What a watch promises, checked at every event against the model: Ordered, Unique, Atomic (a revision is one event), Reliable (none is
 * left out), Resumable (across links), Bookmarkable, IsCreate and Filter. Previous values are not promised.
 */
export class CheckedWatch {
  readonly path: string;
  readonly #model: ServiceModel;
  readonly #name: string;
  /** Everything up to this revision was delivered; -1: nothing yet. */
  seen = -1;

  constructor(parts: {
    watch: Watch;
    path: string;
    model: ServiceModel;
    name: string;
    failed: (error: unknown) => void;
  }) {
    this.path = parts.path;
    this.#model = parts.model;
    this.#name = parts.name;
    void this.#read(parts.watch).catch(parts.failed);
  }

  /** Something else revealed `revision` to the same client: this watch has shown it before (RELIABILITY C-08). */
  revealed(revision: number): void {
    const missing = this.#missing(Math.max(0, this.seen) + 1, revision);
    must(missing === null, `${this.#name} was told of revision ${revision} before its watch showed ${missing}`);
  }

  async #read(watch: Watch): Promise<void> {
    for await (const event of watch) this.#check(event);
  }

  #check(event: WatchEvent): void {
    if (event.is === "compacted")
      throw new Violation(`${this.#name} began with all there is and was told of compaction`);
    const { revision } = event;
    const isLater = event.is === "changes" ? revision > this.seen : revision >= this.seen;
    must(isLater, `${this.#name}: ${event.is} of revision ${revision} after ${this.seen}`);
    if (event.is === "snapshot") this.#snapshot(revision, event.nodes);
    else {
      const upTo = event.is === "changes" ? revision - 1 : revision;
      const missing = this.seen < 0 ? null : this.#missing(this.seen + 1, upTo);
      must(missing === null, `${this.#name}: ${event.is} of revision ${revision}, but ${missing} never came`);
    }
    if (event.is === "changes") this.#changes(revision, event.changed, event.deleted);
    this.seen = revision;
  }

  #changes(revision: number, changed: readonly Znode[], deleted: readonly string[]): void {
    const paths = [...changed.map((node) => node.path), ...deleted].toSorted().join();
    const expected = this.#model
      .changed(revision, (path) => isUnder(path, this.path))
      .toSorted()
      .join();
    must(paths === expected, `${this.#name}: revision ${revision} changed ${expected}, the watch says ${paths}`);
    for (const path of deleted) must(this.#model.at(path, revision) === null, `${path} is still there`);
    for (const node of changed) {
      must(same(node, this.#model.at(node.path, revision)), `${this.#name}: ${node.path} is another one`);
      const isCreated = this.#model.at(node.path, revision - 1) === null;
      must(!isCreated || node.createdRevision === revision, `${node.path} was created by ${revision}`);
    }
  }

  #snapshot(revision: number, nodes: readonly Znode[]): void {
    const found = new Map(nodes.map((node) => [node.path, node]));
    for (const path of this.#model.paths) {
      if (!isUnder(path, this.path) || path === "/") continue;
      const node = found.get(path) ?? null;
      must(same(node, this.#model.at(path, revision)), `${this.#name}: ${path} is wrong in the picture of ${revision}`);
    }
  }

  /** The first revision from `from` to `upTo` that changed something this watch must show; null: none. */
  #missing(from: number, upTo: number): number | null {
    for (let revision = from; revision <= upTo; revision++)
      if (this.#model.changed(revision, (path) => isUnder(path, this.path)).length > 0) return revision;
    return null;
  }
}

/** Whether a node that a client was given is that of the model. */
export function same(found: Znode | null, expected: ModelNode | null): boolean {
  if (!found || !expected) return found === null && expected === null;
  const { data, version, owner, modifiedRevision } = found;
  return (
    data.toString() === expected.data &&
    version === expected.version &&
    owner === expected.owner &&
    modifiedRevision === expected.modified
  );
}
