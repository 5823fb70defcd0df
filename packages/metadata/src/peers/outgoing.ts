import type { Cancel, Clock, Logger, Random, RpcClient, RpcError, RpcStream } from "@odradek/kit";

import type { Message } from "./messages.ts";
import { type Frame, type Introduction, talk, type Welcome } from "./wire.ts";

const redialMsMin = 50;
const redialMsMax = 500;
/** A refusal comes at once; silence takes the transport's connect timeout. */
const refusedWithinMs = 400;
/** Members of a cluster start, and start again, within this time; longer than that one which was removed is not dialled (rpc-links.ts). */
const unreachedMs = 15_000;
/** Raft bounds what it has in flight by bytes; this bounds the count. */
const queuedMax = 2048;

/** One of the addresses that a member may have: where it was added, and where it was configured. */
export type Place = { readonly address: string; readonly client: RpcClient };

type Parts = {
  peer: number;
  places: readonly Place[];
  clock: Clock;
  random: Random;
  logger: Logger;
  /** How we introduce ourselves now. */
  introduction: () => Introduction;
};

/** Our way to one member: a stream on which only we speak, dialled again whenever it breaks; not found at one place, at the next. */
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
  /** Which place is dialled. */
  #at = 0;
  /** Where the peer answered last. */
  #home: Place | null = null;
  /** Where nobody listens, since it answered last. */
  readonly #refused = new Set<Place>();
  #unreachedSinceMs: number;
  #isCalledUnreached = false;
  /** Of another member at its address; said once, not at every dial. */
  #complained = false;

  /** `died`: the peer's process is gone, or another one answers in its place. */
  constructor(parts: Parts, died: () => void) {
    this.#parts = parts;
    this.#died = died;
    this.#unreachedSinceMs = parts.clock.now();
    this.#dial();
  }

  leadsTo(addresses: readonly string[]): boolean {
    const { places } = this.#parts;
    return places.length === addresses.length && places.every(({ address }, at) => address === addresses[at]);
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
    for (const { client } of this.#parts.places) client.close();
  }

  get #place(): Place {
    return this.#parts.places[this.#at]!;
  }

  #dial(): void {
    const { clock, introduction } = this.#parts;
    const dialledMs = clock.now();
    const stream = this.#place.client.open(talk);
    this.#stream = stream;
    stream.onMessage = (welcome) => this.#welcomed(welcome);
    stream.onEnded = (error) => this.#ended(error, clock.now() - dialledMs);
    stream.send(introduction());
  }

  #welcomed({ id, boot, clusterId }: Welcome): void {
    const { peer, logger, introduction } = this.#parts;
    const { clusterId: ours } = introduction();
    if (id !== peer || isForeign(ours, clusterId)) {
      const found = { expected: peer, found: id, cluster: clusterId };
      if (!this.#complained)
        logger.error(
          { evt: "wrong_peer", address: this.#place.address, ...found },
          "another member answers at this address",
        );
      this.#complained = true;
      return this.#stream?.cancel();
    }
    this.#complained = false;
    this.#boot = boot;
    this.#redialMs = 0;
    this.#home = this.#place;
    this.#refused.clear();
    this.#isCalledUnreached = false;
    const replaced = this.#lastBoot !== null && this.#lastBoot !== boot;
    this.#lastBoot = boot;
    logger.debug({ evt: "peer_connected", peer }, "connected");
    if (replaced) this.#died();
  }

  #ended(error: RpcError | null, afterMs: number): void {
    const { peer, places, clock, random, logger } = this.#parts;
    const wasConnected = this.#boot !== null;
    this.#stream = null;
    this.#boot = null;
    if (this.#closed) return;
    logger.debug({ evt: "peer_lost", peer, error: error?.message }, "the stream ended");
    if (wasConnected) {
      this.#unreachedSinceMs = clock.now();
      return this.#dial();
    }
    if (error?.code === "UNAVAILABLE" && afterMs < refusedWithinMs) this.#wasRefused();
    this.#warnIfUnreached(error);
    this.#at = (this.#at + 1) % places.length;
    this.#redialMs = Math.min(Math.max(redialMsMin, this.#redialMs * 2), redialMsMax);
    this.#timer = clock.timer(this.#redialMs * (0.75 + random.next() / 4), () => this.#dial());
  }

  /** That nobody listens at an address where it may never have been says nothing of the peer. */
  #wasRefused(): void {
    this.#refused.add(this.#place);
    if (this.#place === this.#home || this.#refused.size === this.#parts.places.length) this.#died();
  }

  /** Once, until it answers again: else a cluster whose members look for each other at old addresses would be silent. */
  #warnIfUnreached(error: RpcError | null): void {
    const { peer, places, clock, logger } = this.#parts;
    if (this.#isCalledUnreached || clock.now() - this.#unreachedSinceMs < unreachedMs) return;
    this.#isCalledUnreached = true;
    const addresses = places.map(({ address }) => address);
    const fields = { evt: "peer_unreached", peer, addresses, error: error?.message };
    logger.warn(fields, `member ${peer} does not answer at ${addresses.join(" nor at ")}`);
  }
}

/** A node that knows no cluster yet is nobody's foreigner. */
export const isForeign = (ours: string, theirs: string): boolean => ours !== "" && theirs !== "" && ours !== theirs;
