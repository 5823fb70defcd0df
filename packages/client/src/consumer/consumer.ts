import { ErrorCode } from "@odradek/protocol";
import { Cluster } from "../cluster/cluster.ts";
import { type At, commitOffsets, nobody, type OffsetToCommit, type Partition } from "../cluster/offsets.ts";
import { within } from "../cluster/retry.ts";
import { KafkaError } from "../errors.ts";
import { Fetcher } from "./fetcher.ts";
import { Membership } from "./membership.ts";
import { type ConsumerOptions, consumerSettings, type ConsumerSettings } from "./options.ts";
import type { ConsumedBatch, Position } from "./position.ts";

/** What closing waits for brokers to take note of the end of fetch sessions, which they would see in two minutes, too. */
const FETCH_SESSIONS_END_MS = 500;

/** What closing waits at most for brokers that do not answer. */
const CLOSE_MS = 30_000;

export type Assignment = Partition & { readonly offset?: number | At };

/** Reads records, alone or as a member of a group; see README. One reader at a time. */
export class Consumer implements AsyncDisposable, AsyncIterable<ConsumedBatch> {
  readonly #cluster: Cluster;
  readonly #settings: ConsumerSettings;
  readonly #fetcher: Fetcher;
  readonly #membership: Membership | null;
  #isSubscribed = false;
  #isAssigned = false;
  /** What happens between batches, under way. */
  #turning: Promise<Error | null> | null = null;
  #committedMs: number;
  #isClosed = false;
  #closing: Promise<void> | null = null;
  #wake: () => void = () => {};

  constructor(options: ConsumerOptions) {
    this.#settings = consumerSettings(options);
    this.#cluster = new Cluster(options);
    const wake = (): void => this.#wake();
    this.#fetcher = new Fetcher(this.#cluster, this.#settings, wake);
    const { groupId } = this.#settings;
    this.#membership = groupId === null ? null : new Membership(this.#cluster, this.#settings, groupId, wake);
    this.#committedMs = this.#cluster.clock.now();
  }

  /** Joins the group with these topics at the next `next`. */
  subscribe(topics: readonly string[]): void {
    if (this.#membership === null) throw new RangeError("subscribing needs a group id");
    this.#isSubscribed = true;
    this.#membership.subscribe(topics);
    this.#wake();
  }

  /** Reads exactly these partitions. */
  assign(partitions: readonly Assignment[]): void {
    if (this.#isSubscribed) throw new RangeError("this consumer has subscribed");
    this.#isAssigned = true;
    const start = this.#settings.groupId === null ? this.#policy : "committed";
    this.#fetcher.assign(
      partitions.map(({ topic, partition, offset }) => ({ topic, partition, start: offset ?? start })),
    );
  }

  assignment(): Partition[] {
    return [...this.#fetcher.positions].map(({ topic, partition }) => ({ topic, partition }));
  }

  /** The offset after what has been handed out; null before the partition has a position. */
  position(partition: Partition): number | null {
    return this.#fetcher.position(partition)?.consumed ?? null;
  }

  /** Throws RangeError when the partition is not assigned. */
  seek(partition: Partition, offset: number): void {
    this.#fetcher.seek(partition, offset);
  }

  /** Null when nothing came within `timeoutMs`, or the consumer has been closed. Asking says that the batch before is done. */
  async next({ timeoutMs = Infinity }: { timeoutMs?: number } = {}): Promise<ConsumedBatch | null> {
    if (!this.#isSubscribed && !this.#isAssigned)
      throw new RangeError("this consumer reads nothing yet: subscribe to topics or assign partitions first");
    const deadlineMs = this.#cluster.clock.now() + timeoutMs;
    while (!this.#isClosed) {
      const waiting = this.#wait(deadlineMs);
      try {
        // A rebalance may take longer than the caller wants to wait; it goes on, and the next call finds it.
        if (await Promise.race([this.#turned(), waiting.changed.then(() => false)])) {
          const fault = this.#fetcher.takeFault();
          if (fault !== null) throw fault;
          const batch = this.#fetcher.take();
          if (batch !== null) return batch;
        }
        if (this.#cluster.clock.now() >= deadlineMs) return null;
        await waiting.changed;
      } finally {
        waiting.end();
      }
    }
    return null;
  }

  [Symbol.asyncIterator](): AsyncIterator<ConsumedBatch, void> {
    return {
      next: async () => {
        const batch = await this.next();
        return batch === null ? { done: true, value: undefined } : { done: false, value: batch };
      },
    };
  }

  /** Commits the given offsets, or everything handed out. Rejects with a KafkaError when the group has moved on. */
  async commit(offsets?: readonly OffsetToCommit[]): Promise<void> {
    const { groupId } = this.#settings;
    if (groupId === null) throw new RangeError("committing needs a group id");
    const due = offsets ?? this.#uncommitted();
    if (due.length === 0) return;
    const by = this.#isSubscribed ? this.#membership!.committer : nobody;
    if (by === null)
      throw new KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, `group ${groupId}`, "not in the group at the moment");
    try {
      await this.#cluster.retried(`commit of group ${groupId}`, () => commitOffsets(this.#cluster, groupId, by, due));
    } catch (error) {
      if (error instanceof KafkaError && this.#isSubscribed) this.#membership!.rejoin(error);
      throw error;
    }
    for (const { topic, partition, offset } of due) {
      const position = this.#fetcher.position({ topic, partition });
      if (position !== null) position.committed = offset;
    }
  }

  /** Commits if automatic, and leaves the group; when nobody takes note of that within `timeoutMs`, without. */
  close({ timeoutMs = CLOSE_MS }: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#isClosed = true;
    this.#wake();
    this.#closing ??= within(this.#cluster.clock, timeoutMs, this.#leave()).finally(() => this.#cluster.close());
    return this.#closing;
  }

  async #leave(): Promise<void> {
    try {
      await this.#commitQuietly();
      if (this.#isSubscribed) await this.#membership!.leave();
    } catch {
      // The group notices by the session's end; there is nobody left to tell.
    }
    await this.#fetcher.close(FETCH_SESSIONS_END_MS);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #policy(): "earliest" | "latest" {
    return this.#settings.autoOffsetReset === "none" ? "latest" : this.#settings.autoOffsetReset;
  }

  async #turned(): Promise<true> {
    this.#turning ??= this.#turn().then(
      () => null,
      (error: unknown) => error as Error,
    );
    const turning = this.#turning;
    const error = await turning;
    if (this.#turning === turning) this.#turning = null;
    if (error !== null) throw error;
    return true;
  }

  /** What happens between batches: the automatic commit, and a rebalance when the group asks for one. */
  async #turn(): Promise<void> {
    const membership = this.#membership;
    const isRebalance = this.#isSubscribed && membership!.mustJoin;
    const isDue = this.#cluster.clock.now() - this.#committedMs >= this.#settings.autoCommitIntervalMs;
    if (isRebalance || isDue) await this.#commitQuietly();
    if (!isRebalance) return;
    this.#fetcher.assign([]);
    const partitions = await membership!.join();
    this.#fetcher.assign(partitions.map((partition) => ({ ...partition, start: "committed" as const })));
  }

  /** An automatic commit that fails is made up for by the next one; what is lost with it is read twice. */
  async #commitQuietly(): Promise<void> {
    if (!this.#settings.isAutoCommit) return;
    this.#committedMs = this.#cluster.clock.now();
    const { groupId } = this.#settings;
    const due = this.#uncommitted();
    const by = this.#isSubscribed ? this.#membership!.committer : nobody;
    if (due.length === 0 || by === null || groupId === null) return;
    try {
      await commitOffsets(this.#cluster, groupId, by, due);
      for (const { topic, partition, offset } of due) this.#fetcher.position({ topic, partition })!.committed = offset;
    } catch (error) {
      if (error instanceof KafkaError && this.#isSubscribed) this.#membership!.rejoin(error);
    }
  }

  #uncommitted(): OffsetToCommit[] {
    return [...this.#fetcher.positions]
      .filter(isUncommitted)
      .map(({ topic, partition, consumed, consumedEpoch: leaderEpoch }) => ({
        ...{ topic, partition, offset: consumed!, leaderEpoch },
      }));
  }

  /** `changed` resolves when something changes or the deadline passes; `end` takes the timer back. */
  #wait(deadlineMs: number): { readonly changed: Promise<void>; end(): void } {
    const { clock } = this.#cluster;
    let end = (): void => {};
    const changed = new Promise<void>((resolve) => {
      if (deadlineMs !== Infinity) end = clock.timer(Math.max(0, deadlineMs - clock.now()), resolve);
      this.#wake = resolve;
    });
    return { changed, end };
  }
}

const isUncommitted = ({ consumed, committed }: Position): boolean => consumed !== null && consumed !== committed;
