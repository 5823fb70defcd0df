import type { RpcStream } from "@odradek/kit";
import type { ClientFrame, ServerFrame } from "../client/frames.ts";
import { limits } from "../limits.ts";

/**
 * Everything a member says to one session, in order (RELIABILITY C-08, C-09). Bounded: a client that does not take what it
 * asked for loses its stream and resumes by revision, others do not wait for it (RELIABILITY C-17).
 */
export class Outbound {
  readonly #stream: RpcStream<ServerFrame, ClientFrame>;
  #waiting: { frame: ServerFrame; bytes: number }[] = [];
  #bytes = 0;
  #isDraining = false;
  #isEnding = false;

  constructor(stream: RpcStream<ServerFrame, ClientFrame>) {
    this.#stream = stream;
  }

  push(frame: ServerFrame): void {
    if (this.#isEnding) return;
    const bytes = roughBytes(frame);
    this.#waiting.push({ frame, bytes });
    this.#bytes += bytes;
    if (this.#waiting.length > limits.outboundFramesMax || this.#bytes > limits.outboundBytesMax) this.drop();
    else if (!this.#isDraining) void this.#drain();
  }

  /** Says a last word and ends the stream once everything has been handed over. */
  end(frame: ServerFrame): void {
    this.push(frame);
    this.#isEnding = true;
    if (!this.#isDraining) this.#stream.end();
  }

  /** Breaks the stream at once. */
  drop(): void {
    this.#isEnding = true;
    this.#waiting = [];
    this.#bytes = 0;
    this.#stream.cancel();
  }

  async #drain(): Promise<void> {
    this.#isDraining = true;
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      this.#bytes -= next.bytes;
      if (!this.#stream.send(next.frame)) await this.#stream.drained();
    }
    this.#isDraining = false;
    if (this.#isEnding) this.#stream.end();
  }
}

/** Close enough for a bound: data and paths, and something for the rest. */
function roughBytes(frame: ServerFrame): number {
  const nodes =
    frame.is === "watchSnapshot"
      ? frame.watchSnapshot.nodes
      : frame.is === "watchChanges"
        ? frame.watchChanges.changed
        : [];
  const paths = frame.is === "watchChanges" ? frame.watchChanges.deleted.length * 64 : 0;
  return nodes.reduce((sum, node) => sum + node.data.length + node.path.length + 64, 64 + paths);
}
