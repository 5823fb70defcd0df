import { type Cancel, type Clock, type Logger, type RpcStream, unreachable } from "@odradek/kit";
import { batchesIn } from "@odradek/protocol";

import type { Attachment, Following } from "../partition/answers.ts";
import type { Partition } from "../partition/partition.ts";
import type { Answer, Attach, Data, FollowerMessage, Hello, LeaderMessage } from "./messages.ts";
import { streamLimits } from "./stream-limits.ts";
import type { Throttle } from "./throttle.ts";

export type FeedParts = {
  brokerId: number;
  clock: Clock;
  logger: Logger;
  partitionById: (topicId: string, index: number) => Partition | undefined;
  /** Bounds for replicas that catch up and are named for them: the leader's is shared by all its feeds. */
  throttles: { leader: Throttle; ofFollower(broker: number): Throttle };
};

/** One partition on the stream. */
type Attached = {
  attachId: number;
  following: Following;
  /** Where the follower's log ends once it has taken all that was sent. */
  sentEnd: number;
  sentHigh: number;
  sentStart: number;
  /** The read at `sentEnd` met damage: only marks go out, and nothing is read, until the log has been examined (RELIABILITY L-02). */
  isAtDamage: boolean;
  /** Sent and not acknowledged, in order. */
  unacknowledged: { end: number; bytes: number }[];
};

const NO_RECORDS = Buffer.alloc(0);

/**
 * The leader's end of one follower's stream. All partitions that the follower has attached share it: those in sync go first, within each
 * kind every one in turn gets about as many bytes. Nothing of a follower outlives its stream.
 */
export class Feed {
  readonly #parts: FeedParts;
  readonly #stream: RpcStream<LeaderMessage, FollowerMessage>;
  readonly #attached = new Map<number, Attached>();
  /** Those with something to send; sets keep the order of insertion, so taking the first and adding it again goes around. */
  readonly #inSync = new Set<Attached>();
  readonly #others = new Set<Attached>();
  #hello: Hello | null = null;
  #followerThrottle: Throttle | null = null;
  #cancelWait: Cancel = () => {};
  /** Set while marks wait for records to travel with. */
  #cancelMarks: Cancel | null = null;
  #unacknowledgedBytes = 0;
  #scheduled = false;
  #blocked = false;
  #ended = false;

  constructor(parts: FeedParts, stream: RpcStream<LeaderMessage, FollowerMessage>) {
    this.#parts = parts;
    this.#stream = stream;
    stream.onMessage = (message) => this.#receive(message);
    stream.onEnded = (error) => {
      if (this.#hello !== null)
        parts.logger.info(
          { evt: "follower-gone", follower: this.#hello.broker, reason: error?.message },
          "a follower's stream ended",
        );
      this.#end();
    };
  }

  #receive(message: FollowerMessage): void {
    if (message.hello) {
      this.#hello = message.hello;
      this.#followerThrottle = this.#parts.throttles.ofFollower(message.hello.broker);
      // The address may have changed hands: whoever expects somebody else must not take us for it.
      if (message.hello.leader !== this.#parts.brokerId) return this.#stream.cancel();
    }
    for (const attachId of message.detaches ?? []) this.#drop(attachId);
    const answers: Answer[] = [];
    for (const attach of message.attaches ?? []) {
      const answer = this.#attach(attach);
      // States of many producers: a message of its own stays within bounds.
      if (answer.outcome === "belowStart") this.#stream.send({ answers: [answer] });
      else answers.push(answer);
    }
    if (answers.length > 0) this.#stream.send({ answers });
    for (const { attachId, end, start } of message.acknowledgements ?? []) this.#acknowledged(attachId, end, start);
  }

  #attach(request: Attach): Answer {
    const { attachId, leaderEpoch, lastEpoch, end } = request;
    const partition = this.#parts.partitionById(request.topicId.toString("base64url"), request.partition);
    if (partition === undefined || this.#hello === null) return { attachId, outcome: "unknown", unknown: {} };
    const { broker, incarnation } = this.#hello;
    const attachment = partition.attach(
      { broker, incarnation, leaderEpoch, lastEpoch, end },
      {
        progressed: () => this.#progressed(attachId),
        examined: () => this.#examined(attachId),
        ended: () => this.#leaderEnded(attachId),
      },
    );
    if (attachment.is === "attached") this.#begin(attachId, end, attachment.following);
    return answerOf(attachId, attachment);
  }

  #begin(attachId: number, end: number, following: Following): void {
    const sent = { sentEnd: end, sentHigh: -1, sentStart: -1, unacknowledged: [] };
    const attached = { attachId, following, ...sent, isAtDamage: false };
    this.#attached.set(attachId, attached);
    this.#progressed(attachId);
  }

  #acknowledged(attachId: number, end: number, start: number): void {
    const attached = this.#attached.get(attachId);
    if (attached === undefined) return;
    const { unacknowledged } = attached;
    while (unacknowledged.length > 0 && unacknowledged[0]!.end <= end) this.#freed(unacknowledged.shift()!.bytes);
    attached.following.acknowledged(end, start);
  }

  /** No more records may be under way. */
  get #isFull(): boolean {
    return this.#unacknowledgedBytes >= streamLimits.unacknowledgedBytesMax;
  }

  #freed(bytes: number): void {
    const wasFull = this.#isFull;
    this.#unacknowledgedBytes -= bytes;
    if (wasFull && !this.#isFull) this.#schedule();
  }

  /** This broker leads the partition no longer in that epoch: the follower asks again, here or elsewhere. */
  #leaderEnded(attachId: number): void {
    if (!this.#forget(attachId)) return;
    this.#stream.send({ answers: [{ attachId, outcome: "unknown", unknown: {} }] });
  }

  #drop(attachId: number): void {
    const attached = this.#attached.get(attachId);
    if (attached !== undefined && this.#forget(attachId)) attached.following.detach();
  }

  #forget(attachId: number): boolean {
    const attached = this.#attached.get(attachId);
    if (attached === undefined) return false;
    this.#attached.delete(attachId);
    this.#inSync.delete(attached);
    this.#others.delete(attached);
    for (const { bytes } of attached.unacknowledged) this.#freed(bytes);
    return true;
  }

  #end(): void {
    this.#ended = true;
    this.#cancelWait();
    this.#cancelMarks?.();
    for (const attachId of [...this.#attached.keys()]) this.#drop(attachId);
  }

  #progressed(attachId: number): void {
    const attached = this.#attached.get(attachId);
    if (attached === undefined || !hasNews(attached)) return;
    if (attached.following.isInSync) {
      this.#others.delete(attached);
      this.#inSync.add(attached);
    } else if (!this.#inSync.has(attached)) this.#others.add(attached);
    if (hasRecords(attached)) this.#schedule();
    else this.#scheduleMarks();
  }

  #examined(attachId: number): void {
    const attached = this.#attached.get(attachId);
    if (attached === undefined) return;
    attached.isAtDamage = false;
    this.#progressed(attachId);
  }

  #schedule(): void {
    if (this.#scheduled || this.#blocked || this.#ended) return;
    this.#scheduled = true;
    this.#parts.clock.afterTick(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  /** Marks alone have time: under load the next records take them along, and a message for them alone costs as much as one with records. */
  #scheduleMarks(): void {
    this.#cancelMarks ??= this.#parts.clock.timer(streamLimits.marksDelayMs, () => {
      this.#cancelMarks = null;
      this.#schedule();
    });
  }

  #pump(): void {
    while (!this.#ended && !this.#blocked) {
      const releases: (() => void)[] = [];
      const data = this.#gather(releases);
      if (data.length === 0) return;
      const isFree = this.#stream.send({ data });
      // The message is encoded, so the records have been copied.
      for (const release of releases) release();
      if (isFree) continue;
      this.#blocked = true;
      void this.#stream.drained().then(() => {
        this.#blocked = false;
        this.#schedule();
      });
    }
  }

  /** One message's worth from those whose turn it is. Whoever has more goes to the end of its queue. */
  #gather(releases: (() => void)[]): Data[] {
    const list: Data[] = [];
    let bytes = 0;
    for (const queue of [this.#inSync, this.#others]) {
      for (const attached of queue) {
        if (bytes >= streamLimits.messageBytes) return list;
        const data = this.#next(attached, releases);
        if (data !== null) list.push(data);
        bytes += data?.records.length ?? 0;
        const hasMore = hasRecords(attached);
        // Too much is unacknowledged: it keeps its place until there is room.
        if (hasMore && (data === null || data.records.length === 0)) continue;
        queue.delete(attached);
        if (hasMore) queue.add(attached);
      }
    }
    return list;
  }

  /** What is next for one partition: records, or marks that have moved, or nothing. */
  #next(attached: Attached, releases: (() => void)[]): Data | null {
    const { attachId, following } = attached;
    const { high, start } = following;
    const mayRead = !this.#isFull && hasRecords(attached) && !this.#mustWait(following);
    const found = mayRead ? following.read(attached.sentEnd, streamLimits.turnBytes) : null;
    attached.isAtDamage ||= found === "damaged";
    const read = found === "damaged" ? null : found;
    if (read === null && high === attached.sentHigh && start === attached.sentStart) return null;
    attached.sentHigh = high;
    attached.sentStart = start;
    if (read === null) return { attachId, high, start, records: NO_RECORDS };
    const { records } = read;
    releases.push(() => read.release());
    for (const batch of batchesIn(records)) attached.sentEnd = batch.nextOffset;
    attached.unacknowledged.push({ end: attached.sentEnd, bytes: records.length });
    this.#unacknowledgedBytes += records.length;
    if (!following.isInSync) for (const throttle of this.#throttlesOf(following)) throttle.spend(records.length);
    return { attachId, high, start, records };
  }

  /** Whether a replica that catches up has had its share of this moment; in-sync ones never wait, for producers wait for them. */
  #mustWait(following: Following): boolean {
    if (following.isInSync) return false;
    const waitMs = Math.max(0, ...this.#throttlesOf(following).map((throttle) => throttle.waitMs()));
    if (waitMs === 0) return false;
    this.#cancelWait();
    this.#cancelWait = this.#parts.clock.timer(waitMs, () => this.#schedule());
    return true;
  }

  #throttlesOf({ throttledBy }: Following): Throttle[] {
    const throttles = throttledBy.leader ? [this.#parts.throttles.leader] : [];
    if (throttledBy.follower && this.#followerThrottle !== null) throttles.push(this.#followerThrottle);
    return throttles;
  }
}

/** Whether there are records to send that can be read. */
function hasRecords({ following, sentEnd, isAtDamage }: Attached): boolean {
  return !isAtDamage && sentEnd < following.end;
}

function hasNews(attached: Attached): boolean {
  const { following, sentHigh, sentStart } = attached;
  return hasRecords(attached) || sentHigh !== following.high || sentStart !== following.start;
}

function answerOf(attachId: number, attachment: Attachment): Answer {
  switch (attachment.is) {
    case "attached":
      return { attachId, outcome: "attached", attached: {} };
    case "diverged":
      return { attachId, outcome: "diverged", diverged: { epoch: attachment.epoch, end: attachment.end } };
    case "fenced":
      return { attachId, outcome: "fenced", fenced: { leaderEpoch: attachment.leaderEpoch } };
    case "unknown":
      return { attachId, outcome: "unknown", unknown: {} };
    case "belowStart":
      return {
        attachId,
        outcome: "belowStart",
        belowStart: { start: attachment.start, producers: attachment.producers },
      };
    default:
      return unreachable(attachment);
  }
}
