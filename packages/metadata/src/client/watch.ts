import type { ClientFrame, ServerFrame } from "./frames.ts";
import type { Watch, WatchEvent, WatchOptions, Znode } from "./types.ts";
import { fromWireZnode } from "./wire.ts";

/** Events a slow reader may leave waiting; then the watch stops at the member and goes on by revision when they are read. */
const waitingMax = 4096;

type Send = (frame: ClientFrame) => void;

/** One watch across all links of a session: remembers the last revision, so that no event is lost or seen twice (RELIABILITY C-07). */
export class SessionWatch implements Watch {
  readonly #number: number;
  readonly #options: WatchOptions;
  readonly #closed: () => void;
  /** Null while there is no link, or while the reader has enough to read. */
  #send: Send | null = null;
  #isStarted = false;
  #isPaused = false;
  #isOver = false;
  /** The last revision delivered, or given by the caller. */
  #seen: number | undefined;
  /** Whether anything came yet: then everything comes anew where the place to go on from is compacted. Before that it is the caller's to handle. */
  #hasProgress = false;
  #parts: Znode[] = [];
  readonly #waiting: WatchEvent[] = [];
  #wake: () => void = () => {};

  constructor(number: number, options: WatchOptions, closed: () => void) {
    this.#number = number;
    this.#options = options;
    this.#seen = options.fromRevision;
    this.#closed = closed;
  }

  /** A new link is there: go on where the last one ended. */
  start(send: Send): void {
    this.#send = send;
    if (!this.#isPaused) this.#begin();
  }

  /** The link is gone. */
  stop(): void {
    this.#send = null;
    this.#isStarted = false;
    this.#parts = [];
  }

  receive(frame: ServerFrame): void {
    if (this.#isPaused || this.#isOver) return;
    switch (frame.is) {
      case "watchStarted":
        this.#isStarted = true;
        return;
      case "watchSnapshot": {
        const { nodes, last, revision } = frame.watchSnapshot;
        this.#parts.push(...nodes.map(fromWireZnode));
        if (last) this.#deliver({ is: "snapshot", revision, nodes: this.#parts.splice(0) });
        return;
      }
      case "watchChanges": {
        const { revision, changed, deleted } = frame.watchChanges;
        this.#deliver({ is: "changes", revision, changed: changed.map(fromWireZnode), deleted });
        return;
      }
      case "watchCompacted":
        this.#compacted(frame.watchCompacted.oldest);
        return;
      default:
        return;
    }
  }

  /** Everything up to `revision` was sent on this link; it counts only for a watch that the member had started before. */
  bookmark(revision: number): void {
    if (!this.#isStarted || this.#isPaused || this.#seen === undefined) return;
    if (this.#waiting.at(-1)?.is === "bookmark") this.#waiting.pop();
    this.#deliver({ is: "bookmark", revision });
  }

  close(): void {
    if (this.#isOver) return;
    this.#send?.({ is: "watchStop", watchStop: { watch: this.#number } });
    this.#waiting.length = 0;
    this.end();
  }

  /** No more events; those that wait are still read. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#send = null;
    this.#wake();
    this.#closed();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WatchEvent, void, void> {
    try {
      for (;;) {
        const event = this.#waiting.shift();
        if (event) yield event;
        else if (this.#isOver) return;
        else {
          if (this.#isPaused) this.#resume();
          await new Promise<void>((resolve) => (this.#wake = resolve));
        }
      }
    } finally {
      this.close();
    }
  }

  #begin(): void {
    const { path, recursive } = this.#options;
    const from = this.#seen === undefined ? {} : { fromRevision: this.#seen };
    const frame = { watch: this.#number, path, recursive, ...from, orSnapshot: this.#hasProgress };
    this.#send?.({ is: "watchStart", watchStart: frame });
  }

  #deliver(event: Exclude<WatchEvent, { is: "compacted" }>): void {
    const isNew = event.is === "changes" ? event.revision > (this.#seen ?? -1) : event.revision >= (this.#seen ?? 0);
    if (!isNew) return;
    this.#seen = event.revision;
    this.#hasProgress = true;
    this.#waiting.push(event);
    this.#wake();
    if (this.#waiting.length >= waitingMax) this.#pause();
  }

  #compacted(oldest: number): void {
    this.#waiting.push({ is: "compacted", oldest });
    this.end();
  }

  #pause(): void {
    this.#isPaused = true;
    this.#isStarted = false;
    this.#parts = [];
    this.#send?.({ is: "watchStop", watchStop: { watch: this.#number } });
  }

  #resume(): void {
    this.#isPaused = false;
    this.#begin();
  }
}
