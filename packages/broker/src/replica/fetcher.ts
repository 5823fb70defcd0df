import {
  type Cancel,
  type Clock,
  type Logger,
  type RpcClient,
  type RpcError,
  type RpcStream,
  unreachable,
} from "@odradek/kit";

import type { Follower, NewStart } from "../partition/follower.ts";
import type { Partition } from "../partition/partition.ts";
import { type Answer, type Data, follow, type FollowerMessage, type LeaderMessage } from "./messages.ts";
import { streamLimits } from "./stream-limits.ts";

export type FetcherParts = {
  brokerId: number;
  /** Our own registration. */
  incarnation: string;
  leader: number;
  client: RpcClient;
  clock: Clock;
  logger: Logger;
};

/** A partition that is to be fetched from this leader, in one leader epoch. */
type Wanted = {
  partition: Partition;
  follower: Follower;
  topicId: Buffer;
  /** 0: not on the stream now. */
  attachId: number;
  isAttached: boolean;
  acknowledgedEnd: number;
  acknowledgedStart: number;
  /** Where our log ends once all is taken that came on this attachment: the leader goes on from there. */
  takenEnd: number;
  /** It is to be cut before it may attach again. */
  isTruncating: boolean;
  retryMs: number;
  cancelRetry: Cancel | null;
};

/** What is done to a log before it attaches again. `prepare`: what must be on stable storage before. */
type Truncation = { to: number; prepare?: () => Promise<void>; change: () => "truncated" | "damaged" };

/**
 * The follower's end of the stream to one leader broker. It attaches each partition at its log's end, truncates where the logs part, takes
 * what comes and acknowledges once per tick. A broken stream is dialled again; nothing of the old one counts on the new.
 */
export class Fetcher {
  readonly #parts: FetcherParts;
  readonly #wanted = new Map<Partition, Wanted>();
  readonly #byAttachId = new Map<number, Wanted>();
  readonly #written = new Set<Wanted>();
  readonly #toAttach = new Set<Wanted>();
  #stream: RpcStream<FollowerMessage, LeaderMessage> | null = null;
  #lastAttachId = 0;
  #redialMs: number = streamLimits.redialMsMin;
  #cancelRedial: Cancel | null = null;
  #scheduled = false;
  #closed = false;
  /** When the last stream broke that the leader had spoken on; null while there is a stream on which it speaks. */
  #brokeAtMs: number | null = null;

  constructor(parts: FetcherParts) {
    this.#parts = parts;
  }

  /** The leader's stream has just broken and it has not been heard again: perhaps it is dead. */
  get isSuspect(): boolean {
    return this.#brokeAtMs !== null && this.#parts.clock.now() - this.#brokeAtMs < streamLimits.suspectMs;
  }

  get isIdle(): boolean {
    return this.#wanted.size === 0;
  }

  /** Fetches for what the partition is now: the follower of one epoch. */
  follow(partition: Partition, follower: Follower): void {
    if (this.#wanted.get(partition)?.follower === follower) return;
    this.unfollow(partition);
    const wanted: Wanted = {
      partition,
      follower,
      topicId: Buffer.from(partition.topicId, "base64url"),
      attachId: 0,
      isAttached: false,
      acknowledgedEnd: -1,
      acknowledgedStart: -1,
      takenEnd: -1,
      isTruncating: false,
      retryMs: streamLimits.attachRetryMsMin,
      cancelRetry: null,
    };
    this.#wanted.set(partition, wanted);
    follower.onWritten = (end) => {
      if (end === wanted.acknowledgedEnd || !wanted.isAttached) return;
      this.#written.add(wanted);
      this.#schedule();
    };
    this.#toAttach.add(wanted);
    if (this.#stream === null && this.#cancelRedial === null) this.#dial();
    else this.#schedule();
  }

  unfollow(partition: Partition): void {
    const wanted = this.#wanted.get(partition);
    if (wanted === undefined) return;
    this.#wanted.delete(partition);
    wanted.follower.onWritten = () => {};
    const { attachId } = wanted;
    this.#detach(wanted);
    if (attachId !== 0) this.#stream?.send({ detaches: [attachId] });
    if (this.isIdle) this.#stream?.end();
  }

  close(): void {
    this.#closed = true;
    this.#cancelRedial?.();
    for (const wanted of this.#wanted.values()) {
      wanted.follower.onWritten = () => {};
      this.#detach(wanted);
    }
    this.#wanted.clear();
    this.#stream?.cancel();
  }

  #dial(): void {
    const { brokerId: broker, incarnation, leader, client } = this.#parts;
    this.#cancelRedial = null;
    if (this.#closed || this.isIdle) return;
    const stream = client.open(follow);
    this.#stream = stream;
    stream.onMessage = (message) => {
      if (this.#stream === stream) this.#receive(message);
    };
    stream.onEnded = (error) => {
      if (this.#stream === stream) this.#ended(error);
    };
    stream.send({ hello: { broker, incarnation, leader } });
    for (const wanted of this.#wanted.values()) if (wanted.cancelRetry === null) this.#toAttach.add(wanted);
    this.#schedule();
  }

  #ended(error: RpcError | null): void {
    const { clock, logger, leader } = this.#parts;
    this.#stream = null;
    for (const wanted of this.#wanted.values()) this.#detach(wanted);
    if (this.#closed || this.isIdle) return;
    this.#brokeAtMs ??= clock.now();
    logger.info(
      { evt: "leader-gone", leader, reason: error?.message, redialMs: this.#redialMs },
      "the stream to a leader ended",
    );
    this.#cancelRedial = clock.timer(this.#redialMs, () => this.#dial());
    this.#redialMs = Math.min(this.#redialMs * 2, streamLimits.redialMsMax);
  }

  #receive(message: LeaderMessage): void {
    this.#redialMs = streamLimits.redialMsMin;
    this.#brokeAtMs = null;
    for (const answer of message.answers ?? []) this.#answered(answer);
    for (const data of message.data ?? []) this.#take(data);
  }

  #answered(answer: Answer): void {
    const wanted = this.#byAttachId.get(answer.attachId);
    if (wanted === undefined) return;
    const { follower, partition } = wanted;
    const { logger, leader } = this.#parts;
    if (follower.isAhead && answer.outcome !== "unknown" && answer.outcome !== "fenced") {
      const fields = { evt: "ahead-of-leader", partition: `${partition.replica}`, leader, leaderEpoch: follower.epoch };
      logger.error({ ...fields, ...follower.position }, "our log has a newer leader epoch than our leader: it is kept");
      return this.#retryLater(wanted, { tellLeader: true });
    }
    switch (answer.outcome) {
      case "attached":
        wanted.isAttached = true;
        wanted.retryMs = streamLimits.attachRetryMsMin;
        follower.onWritten(partition.replica.log.written.value);
        return;
      case "diverged":
        logger.info(
          { evt: "diverged", partition: `${partition.replica}`, leader, ...answer.diverged, ...follower.position },
          "logs part",
        );
        return void this.#truncate(wanted, {
          to: follower.commonEnd(answer.diverged),
          change: () => follower.diverged(answer.diverged),
        });
      case "belowStart":
        logger.info(
          { evt: "below-start", partition: `${partition.replica}`, leader, start: answer.belowStart.start },
          "starting anew",
        );
        return this.#startAnew(wanted, answer.belowStart);
      case "fenced":
      case "unknown":
        return this.#retryLater(wanted);
      default:
        return unreachable(answer);
    }
  }

  #take(data: Data): void {
    const wanted = this.#byAttachId.get(data.attachId);
    if (wanted === undefined || !wanted.isAttached) return;
    const taken = this.#guarded(wanted, () => wanted.follower.take(data, wanted.takenEnd));
    if (taken === "taken") wanted.takenEnd = wanted.partition.replica.log.end;
    if (taken === "taken" && wanted.partition.start !== wanted.acknowledgedStart) {
      this.#written.add(wanted);
      this.#schedule();
    }
    if (taken === "taken" || taken === null) return;
    const { logger, leader } = this.#parts;
    logger.warn(
      { evt: "refetch", partition: `${wanted.partition.replica}`, leader, reason: taken },
      "data of a leader was not taken",
    );
    this.#retryLater(wanted, { tellLeader: true });
  }

  /** Cuts our log, when a crash from now on would be recovered from, and attaches again: not before, whatever the stream does meanwhile. */
  async #truncate(wanted: Wanted, { to, prepare, change }: Truncation): Promise<void> {
    this.#detach(wanted);
    wanted.isTruncating = true;
    const { replica } = wanted.partition;
    let release = (): void => {};
    let isReady = false;
    try {
      release = await replica.holdRecoveryPoint(to);
      await prepare?.();
      isReady = true;
    } catch (error) {
      this.#parts.logger.warn({ evt: "truncation-failed", partition: `${replica}`, err: error }, "cannot truncate yet");
    }
    wanted.isTruncating = false;
    // Meanwhile we may follow another leader, or nobody.
    if (this.#wanted.get(wanted.partition) === wanted) {
      if (isReady) this.#reattachAfter(wanted, change);
      else this.#retryLater(wanted);
    }
    release();
  }

  #startAnew(wanted: Wanted, start: NewStart): void {
    const { follower } = wanted;
    const prepare = (): Promise<void> => follower.prepareStart(start);
    const change = (): "truncated" => {
      follower.startAnewAt(start.start);
      return "truncated";
    };
    void this.#truncate(wanted, { to: 0, prepare, change });
  }

  #reattachAfter(wanted: Wanted, change: () => "truncated" | "damaged"): void {
    const outcome = this.#guarded(wanted, change);
    if (outcome === null) return;
    if (outcome === "damaged" && wanted.follower.mayStartAnew) return this.#startAnew(wanted, wanted.follower.ownStart);
    if (outcome === "damaged") {
      // This partition alone stands still: once the healer has mended it, or the leader has dropped us, a later attempt succeeds.
      wanted.partition.damaged();
      return this.#retryLater(wanted);
    }
    this.#toAttach.add(wanted);
    this.#schedule();
  }

  #retryLater(wanted: Wanted, options: { tellLeader: boolean } = { tellLeader: false }): void {
    if (options.tellLeader) this.#stream?.send({ detaches: [wanted.attachId] });
    this.#detach(wanted);
    wanted.cancelRetry = this.#parts.clock.timer(wanted.retryMs, () => {
      wanted.cancelRetry = null;
      this.#toAttach.add(wanted);
      this.#schedule();
    });
    wanted.retryMs = Math.min(wanted.retryMs * 2, streamLimits.attachRetryMsMax);
  }

  /** Runs what touches the partition's disk. A failing disk takes this partition off the stream and no other (P-26). */
  #guarded<Result>(wanted: Wanted, run: () => Result): Result | null {
    try {
      return run();
    } catch (error) {
      const { log } = wanted.partition.replica;
      if (log.failed === null) throw error;
      this.unfollow(wanted.partition);
      return null;
    }
  }

  #detach(wanted: Wanted): void {
    this.#byAttachId.delete(wanted.attachId);
    this.#written.delete(wanted);
    this.#toAttach.delete(wanted);
    wanted.cancelRetry?.();
    wanted.cancelRetry = null;
    wanted.attachId = 0;
    wanted.isAttached = false;
    wanted.acknowledgedEnd = -1;
    wanted.acknowledgedStart = -1;
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    this.#parts.clock.afterTick(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  /** One message per tick with all that is to be said. */
  #flush(): void {
    if (this.#stream === null) return;
    const attaches = [...this.#toAttach]
      .filter((wanted) => wanted.attachId === 0 && !wanted.isTruncating && this.#mayAttach(wanted))
      .map((wanted) => this.#attach(wanted));
    const acknowledgements = [...this.#written].map((wanted) => {
      wanted.acknowledgedEnd = wanted.partition.replica.log.written.value;
      wanted.acknowledgedStart = wanted.partition.start;
      return { attachId: wanted.attachId, end: wanted.acknowledgedEnd, start: wanted.acknowledgedStart };
    });
    this.#toAttach.clear();
    this.#written.clear();
    if (attaches.length + acknowledgements.length > 0) this.#stream.send({ attaches, acknowledgements });
  }

  /** Attaching at an end acknowledges all before it: so all before it must be as safe as what is acknowledged. */
  #mayAttach(wanted: Wanted): boolean {
    const { log } = wanted.partition.replica;
    if (log.written.value >= log.end) return true;
    log.written.when(log.end, (outcome) => {
      if (outcome !== "reached" || this.#wanted.get(wanted.partition) !== wanted) return;
      this.#toAttach.add(wanted);
      this.#schedule();
    });
    return false;
  }

  #attach(wanted: Wanted): NonNullable<FollowerMessage["attaches"]>[number] {
    const { partition, follower, topicId } = wanted;
    const { position } = follower;
    wanted.attachId = ++this.#lastAttachId;
    wanted.takenEnd = position.end;
    this.#byAttachId.set(wanted.attachId, wanted);
    return {
      attachId: wanted.attachId,
      topicId,
      partition: partition.index,
      leaderEpoch: follower.epoch,
      ...position,
    };
  }
}
