import type { ServerFrame, WatchStartFrame } from "../client/frames.ts";
import { natural, toWireZnode } from "../client/wire.ts";
import { limits } from "../limits.ts";
import type { TreeState } from "../tree/state.ts";
import type { Changes } from "../tree/history.ts";
import type { WatchRange } from "../tree/watches.ts";
import { seenBy } from "../tree/watches.ts";
import type { Node } from "../tree/znode.ts";

/** The watches of one stream. All of them have seen everything up to `revision`. */
export class Watching {
  readonly #push: (frame: ServerFrame) => void;
  /** `seen`: the client said it has seen up to here, possibly more than this member had. */
  readonly #watches = new Map<number, WatchRange & { seen: number }>();
  #revision: number;

  constructor(push: (frame: ServerFrame) => void, revision: number) {
    this.#push = push;
    this.#revision = revision;
  }

  get size(): number {
    return this.#watches.size;
  }

  /** Sends what happened since the last call. False: the history does not reach back that far any more. */
  catchUp(state: TreeState): boolean {
    if (state.revision === this.#revision) return true;
    if (this.#watches.size === 0) {
      this.#revision = state.revision;
      return true;
    }
    const missed = state.history.after(this.#revision);
    if (!missed) return false;
    for (const changes of missed) for (const [watch, range] of this.#watches) this.#send(watch, range, changes);
    this.#revision = state.revision;
    return true;
  }

  /** Call after `catchUp`: the watch then starts where the others are. */
  start(state: TreeState, { watch, path, recursive, fromRevision, orSnapshot }: WatchStartFrame): void {
    this.#push({ is: "watchStarted", watchStarted: { watch } });
    const missed = fromRevision === undefined ? null : state.history.after(natural(fromRevision));
    if (fromRevision === undefined || (!missed && orSnapshot)) {
      this.#snapshot(watch, state, { path, recursive });
      this.#watches.set(watch, { path, recursive, seen: state.revision });
      return;
    }
    if (!missed) {
      this.#push({ is: "watchCompacted", watchCompacted: { watch, oldest: state.history.oldest } });
      return;
    }
    const range = { path, recursive, seen: fromRevision };
    for (const changes of missed) this.#send(watch, range, changes);
    this.#watches.set(watch, range);
  }

  stop(watch: number): void {
    this.#watches.delete(watch);
  }

  #send(watch: number, range: WatchRange & { seen: number }, changes: Changes): void {
    if (changes.revision <= range.seen) return;
    const event = seenBy(range, changes);
    if (!event) return;
    const { revision, deleted } = event;
    const changed = event.changed.map(toWireZnode);
    this.#push({ is: "watchChanges", watchChanges: { watch, revision, changed, deleted } });
  }

  #snapshot(watch: number, state: TreeState, range: WatchRange): void {
    const { revision } = state;
    let part: Node[] = [];
    let bytes = 0;
    const flush = (last: boolean): void => {
      this.#push({ is: "watchSnapshot", watchSnapshot: { watch, revision, nodes: part.map(toWireZnode), last } });
      part = [];
      bytes = 0;
    };
    for (const node of state.under(range.path, range.recursive)) {
      const size = node.data.length + node.path.length + 64;
      if (part.length > 0 && bytes + size > limits.snapshotPartBytes) flush(false);
      part.push(node);
      bytes += size;
    }
    flush(true);
  }
}
