import type { Cancel } from "@odradek/kit";
import { ErrorCode, FetchApi, type FetchResponse } from "@odradek/protocol";
import type { Cluster } from "../cluster/cluster.ts";
import { fetchOffsets, groupedBy, listOffsets, type Partition, partitionName } from "../cluster/offsets.ts";
import { backoffMs } from "../cluster/retry.ts";
import { KafkaError, mayRetry } from "../errors.ts";
import { decodeFetched } from "./decode.ts";
import type { ConsumerSettings } from "./options.ts";
import { type ConsumedBatch, Position, type Start } from "./position.ts";

type Asked = { readonly position: Position; readonly offset: number };

const SESSIONLESS = { sessionId: 0, sessionEpoch: -1 };

/**
 * Keeps assigned partitions supplied: finds where to begin, and has one fetch under way per leader as long as nothing fetched
 * from it waits to be handed out. So memory is bounded by one answer per broker, and fetching overlaps with handling.
 */
export class Fetcher {
  readonly #cluster: Cluster;
  readonly #settings: ConsumerSettings;
  readonly #onChange: () => void;
  #positions = new Map<string, Position>();
  readonly #busy = new Set<number>();
  #isLocating = false;
  #isRefreshing = false;
  #wake: Cancel | null = null;
  #isClosed = false;
  /** Until something has been found, failures are not retried for ever: the addresses or the topic may be wrong. */
  #hasReached = false;
  #beganMs: number;
  #fault: Error | null = null;

  constructor(cluster: Cluster, settings: ConsumerSettings, onChange: () => void) {
    this.#cluster = cluster;
    this.#settings = settings;
    this.#onChange = onChange;
    this.#beganMs = cluster.clock.now();
  }

  /** A failure that no retry mends, once; after it everything is tried again. */
  takeFault(): Error | null {
    const fault = this.#fault;
    this.#fault = null;
    if (fault !== null) this.#beganMs = this.#cluster.clock.now();
    return fault;
  }

  get positions(): Iterable<Position> {
    return this.#positions.values();
  }

  position(partition: Partition): Position | null {
    return this.#positions.get(partitionName(partition)) ?? null;
  }

  /** Takes over this assignment; what was fetched for the one before is dropped. */
  assign(partitions: readonly (Partition & { readonly start: Start })[]): void {
    this.#positions = new Map(partitions.map((one) => [partitionName(one), new Position(one, one.start)]));
    this.#fault = null;
    this.#beganMs = this.#cluster.clock.now();
    this.pump();
  }

  seek(partition: Partition, start: Start): void {
    const name = partitionName(partition);
    if (!this.#positions.has(name)) throw new RangeError(`${name} is not assigned`);
    this.#positions.set(name, new Position(partition, start));
    this.pump();
  }

  /** The next batch that is there, or null. Partitions take turns. */
  take(): ConsumedBatch | null {
    for (const [name, position] of this.#positions) {
      const batch = position.buffered;
      if (batch === null) continue;
      position.buffered = null;
      position.consumed = batch.nextOffset;
      this.#positions.delete(name); // to the end of the order
      this.#positions.set(name, position);
      this.pump();
      return batch;
    }
    return null;
  }

  close(): void {
    this.#isClosed = true;
    this.#positions.clear();
    this.#wake?.();
  }

  /** Starts whatever can be started now. */
  pump(): void {
    if (this.#isClosed || this.#fault !== null) return;
    const now = this.#cluster.clock.now();
    const due = [...this.#positions.values()].filter((position) => position.notBeforeMs <= now);
    if (due.length < this.#positions.size) this.#wakeLater(now);
    const lost = due.filter((position) => this.#isLost(position));
    if (lost.length > 0 && !this.#isLocating) void this.#locate(lost);
    const fetchable = due.filter((position) => !this.#isLost(position));
    const ledBy = groupedBy(fetchable, (position) => this.#leaderOf(position));
    for (const [leader, positions] of ledBy) {
      if (leader === null || this.#busy.has(leader) || positions.some(({ buffered }) => buffered !== null)) continue;
      void this.#fetch(leader, positions);
    }
  }

  /** Where to fetch is not known, or from whom. */
  #isLost({ topic, fetchOffset }: Position): boolean {
    return fetchOffset === null || this.#cluster.known?.topics.has(topic) !== true;
  }

  /** Null, and a later attempt, when nobody is known to lead it. */
  #leaderOf(position: Position): number | null {
    try {
      return this.#cluster.leaderOf(position.topic, position.partition);
    } catch (error) {
      this.#failed([position], error as Error);
      return null;
    }
  }

  async #locate(positions: readonly Position[]): Promise<void> {
    this.#isLocating = true;
    try {
      for (const topic of new Set(positions.map((one) => one.topic))) await this.#cluster.topic(topic);
      await this.#locateCommitted(positions.filter(({ start }) => start === "committed"));
      for (const [start, list] of groupedBy(
        positions.filter(({ fetchOffset }) => fetchOffset === null),
        (one) => one.start,
      )) {
        const at = start === "committed" || typeof start === "number" ? this.#reset(list[0]!) : start;
        for (const found of await listOffsets(this.#cluster, list, at, this.#settings.isolationLevel)) {
          const position = list.find((one) => one.topic === found.topic && one.partition === found.partition)!;
          // No record as young as the time asked for: begin behind the last one.
          if (found.offset >= 0) position.begin(found.offset);
          else position.start = "latest";
          this.#hasReached = true;
        }
      }
    } catch (error) {
      this.#failed(positions, error as Error);
    } finally {
      this.#isLocating = false;
    }
    this.#changed();
  }

  async #locateCommitted(positions: readonly Position[]): Promise<void> {
    const { groupId } = this.#settings;
    if (positions.length === 0 || groupId === null) return;
    for (const { topic, partition, offset } of await fetchOffsets(this.#cluster, groupId, positions)) {
      const position = positions.find((one) => one.topic === topic && one.partition === partition);
      position?.begin(offset);
      if (position !== undefined) position.committed = offset;
    }
  }

  #reset(position: Position): "earliest" | "latest" {
    const { autoOffsetReset } = this.#settings;
    if (autoOffsetReset !== "none") return autoOffsetReset;
    throw new KafkaError(
      ErrorCode.OFFSET_OUT_OF_RANGE,
      partitionName(position),
      'there is no place to begin, and autoOffsetReset is "none"',
    );
  }

  async #fetch(leader: number, positions: readonly Position[]): Promise<void> {
    this.#busy.add(leader);
    const { maxWaitMs, minBytes, maxBytes, isolationLevel, partitionBytesMax } = this.#settings;
    const asked: Asked[] = positions.map((position) => ({ position, offset: position.fetchOffset! }));
    const topics = [...groupedBy(asked, ({ position }) => position.topic)].map(([topic, list]) => ({
      topic,
      partitions: list.map(({ position: { partition }, offset }) => ({
        partition,
        currentLeaderEpoch: this.#cluster.known?.topics.get(topic)?.partitions[partition]?.leaderEpoch ?? -1,
        fetchOffset: offset,
        partitionMaxBytes: partitionBytesMax,
      })),
    }));
    try {
      const timeoutMs = maxWaitMs + this.#cluster.settings.requestTimeoutMs;
      const request = { replicaId: -1, maxWaitMs, minBytes, maxBytes, isolationLevel, ...SESSIONLESS, topics };
      const options = { lane: "fetch" as const, timeoutMs, mayWaitMs: maxWaitMs };
      this.#take(await this.#cluster.send(leader, FetchApi, request, options), asked);
    } catch (error) {
      this.#failed(positions, error as Error);
    } finally {
      this.#busy.delete(leader);
    }
    this.#changed();
  }

  #take(response: FetchResponse, asked: readonly Asked[]): void {
    this.#hasReached = true;
    if (response.errorCode !== 0) throw new KafkaError(response.errorCode, "fetch");
    const questions = new Map(asked.map((one) => [partitionName(one.position), one]));
    for (const { topic, partitions } of response.responses) {
      for (const fetched of partitions) {
        const name = partitionName({ topic, partition: fetched.partitionIndex });
        const question = questions.get(name);
        // A seek or a new assignment may have come in between: then the answer is to a question no longer asked.
        if (question === undefined || this.#positions.get(name) !== question.position) continue;
        if (fetched.errorCode === 0) this.#fill(question.position, fetched);
        else this.#refused(question.position, fetched.errorCode);
      }
    }
  }

  #fill(position: Position, fetched: FetchResponse["responses"][number]["partitions"][number]): void {
    const { topic, partition } = position;
    const { records, nextOffset } = decodeFetched(partitionName(position), fetched, position.fetchOffset!);
    position.fetchOffset = nextOffset;
    position.failures = 0;
    if (records.length > 0)
      position.buffered = { topic, partition, records, nextOffset, highWatermark: fetched.highWatermark };
    else position.consumed = nextOffset;
  }

  #refused(position: Position, errorCode: number): void {
    if (errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) {
      this.#positions.set(partitionName(position), new Position(position, this.#reset(position)));
      return;
    }
    this.#failed([position], new KafkaError(errorCode, partitionName(position)));
  }

  #failed(positions: readonly Position[], error: Error): void {
    const { clock, random, settings } = this.#cluster;
    const now = clock.now();
    if (!mayRetry(error) || (!this.#hasReached && now - this.#beganMs > settings.operationTimeoutMs)) {
      this.#fault = error;
      this.#onChange();
      return;
    }
    settings.onTrouble?.(error);
    for (const position of positions) position.notBeforeMs = now + backoffMs(position.failures++, random);
    this.#refresh([...new Set(positions.map(({ topic }) => topic))]);
    this.#wakeLater(now);
  }

  /** What fails here fails again, and is counted, when the partition is fetched. */
  #refresh(topics: readonly string[]): void {
    if (this.#isRefreshing) return;
    this.#isRefreshing = true;
    void this.#cluster
      .refresh(topics)
      .catch(() => undefined)
      .then(() => {
        this.#isRefreshing = false;
        this.pump();
      });
  }

  /** Comes back when the first of those that wait is due. */
  #wakeLater(now: number): void {
    const times = [...this.#positions.values()].map(({ notBeforeMs }) => notBeforeMs).filter((atMs) => atMs > now);
    this.#wake?.();
    this.#wake = null;
    if (times.length === 0) return;
    this.#wake = this.#cluster.clock.timer(Math.max(1, Math.min(...times) - now), () => {
      this.#wake = null;
      this.pump();
    });
  }

  #changed(): void {
    this.#onChange();
    this.pump();
  }
}
