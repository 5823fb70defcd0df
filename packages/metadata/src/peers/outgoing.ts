import type { Cancel, Clock, Logger, Random, RpcClient, RpcError, RpcStream } from "@odradek/kit";

import type { Message } from "./messages.ts";
import { type Frame, type Introduction, talk, type Welcome } from "./wire.ts";

const redialMsMin = 50;
const redialMsMax = 500;
/** A refusal comes at once; silence takes the transport's connect timeout. */
const refusedWithinMs = 400;
/** Raft bounds what it has in flight by bytes; this bounds the count. */
const queuedMax = 2048;

type Parts = {
  peer: number;
  address: string;
  client: RpcClient;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** How we introduce ourselves now. */
  introduction: () => Introduction;
};

/** Our way to one member: a stream on which only we speak, dialled again whenever it breaks. */
export class Outgoing {
  readonly #parts: Parts;
  readonly #died: () => void;
  #stream: RpcStream<Frame, Welcome> | null = null;
  /** Null: not welcomed yet. */
  #boot: string | null = null;
  #lastBoot: string | null = null;
  #redialMs = 0;
  #timer: Cancel = () => {};
  #closed = false;
  /** Of another member at its address; said once, not at every dial. */
  #complained = false;

  /** `died`: the peer's process is gone, or another one answers in its place. */
  constructor(parts: Parts, died: () => void) {
    this.#parts = parts;
    this.#died = died;
    this.#dial();
  }

  get address(): string {
    return this.#parts.address;
  }

  get isWelcome(): boolean {
    return this.#boot !== null;
  }

  /** Dropped when there is no stream, or when the peer takes nothing. */
  send(message: Message): void {
    if (this.#boot !== null && this.#stream && this.#stream.queued < queuedMax) this.#stream.send(message);
  }

  close(): void {
    this.#closed = true;
    this.#timer();
    this.#stream?.cancel();
    this.#parts.client.close();
  }

  #dial(): void {
    const { client, clock, introduction } = this.#parts;
    const dialledMs = clock.now();
    const stream = client.open(talk);
    this.#stream = stream;
    stream.onMessage = (welcome) => this.#welcomed(welcome);
    stream.onEnded = (error) => this.#ended(error, clock.now() - dialledMs);
    stream.send(introduction());
  }

  #welcomed({ id, boot, clusterId }: Welcome): void {
    const { peer, address, logger, introduction } = this.#parts;
    const { clusterId: ours } = introduction();
    if (id !== peer || isForeign(ours, clusterId)) {
      const found = { expected: peer, found: id, cluster: clusterId };
      if (!this.#complained)
        logger.error({ evt: "wrong_peer", address, ...found }, "another member answers at this address");
      this.#complained = true;
      return this.#stream?.cancel();
    }
    this.#complained = false;
    this.#boot = boot;
    this.#redialMs = 0;
    const replaced = this.#lastBoot !== null && this.#lastBoot !== boot;
    this.#lastBoot = boot;
    logger.debug({ evt: "peer_connected", peer }, "connected");
    if (replaced) this.#died();
  }

  #ended(error: RpcError | null, afterMs: number): void {
    const { peer, clock, random, logger } = this.#parts;
    const wasConnected = this.#boot !== null;
    this.#stream = null;
    this.#boot = null;
    if (this.#closed) return;
    logger.debug({ evt: "peer_lost", peer, error: error?.message }, "the stream ended");
    if (wasConnected) return this.#dial();
    if (error?.code === "UNAVAILABLE" && afterMs < refusedWithinMs) this.#died();
    this.#redialMs = Math.min(Math.max(redialMsMin, this.#redialMs * 2), redialMsMax);
    this.#timer = clock.timer(this.#redialMs * (0.75 + random.next() / 4), () => this.#dial());
  }
}

/** A node that knows no cluster yet is nobody's foreigner. */
export const isForeign = (ours: string, theirs: string): boolean => ours !== "" && theirs !== "" && ours !== theirs;
