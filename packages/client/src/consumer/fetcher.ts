import type { Cancel } from "@odradek/kit";
import { ErrorCode, type FetchResponse, UUID_ZERO } from "@odradek/protocol";
import type { Cluster } from "../cluster/cluster.ts";
import { LeaderSearch } from "../cluster/leader-search.ts";
import { groupedBy, type Partition, partitionName } from "../cluster/offsets.ts";
import { backoffMs } from "../cluster/retry.ts";
import { KafkaError, mayRetry, saysStaleMetadata } from "../errors.ts";
import { type Decoded, decodeFetched } from "./decode.ts";
import type { Wanted } from "./fetch-session.ts";
import { Fetches } from "./fetches.ts";
import { locate } from "./locate.ts";
import type { ConsumerSettings } from "./options.ts";
import { type ConsumedBatch, Position, type Start } from "./position.ts";

type Asked = Wanted & { readonly position: Position };
type FetchedPartition = FetchResponse["responses"][number]["partitions"][number];

/**
 * Keeps assigned partitions supplied: finds where to begin, and has one fetch under way per broker as long as nothing fetched
 * from it waits to be handed out. So memory is bounded by one answer per broker, and fetching overlaps with handling.
 */
export class Fetcher {
  readonly #cluster: Cluster;
  readonly #settings: ConsumerSettings;
  readonly #onChange: () => void;
  readonly #search: LeaderSearch;
  #positions = new Map<string, Position>();
  readonly #fetches: Fetches;
  #isLocating = false;
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
    this.#fetches = new Fetches(cluster, settings);
    this.#search = new LeaderSearch(cluster, {
      missing: () =>
        [...this.#positions.values()].filter((one) => one.isAstray && !this.#isFound(one)).map(({ topic }) => topic),
      answered: () => this.pump(),
    });
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
      position.consumedEpoch = position.fetchEpoch;
      this.#positions.delete(name); // to the end of the order
      this.#positions.set(name, position);
      this.pump();
      return batch;
    }
    return null;
  }

  /** Waits `timeoutMs` at most for brokers to take note. */
  async close(timeoutMs: number): Promise<void> {
    this.#isClosed = true;
    this.#positions.clear();
    this.#search.close();
    this.#wake?.();
    await this.#fetches.close(timeoutMs);
  }

  /** Starts whatever can be started now. */
  pump(): void {
    if (this.#isClosed || this.#fault !== null) return;
    const now = this.#cluster.clock.now();
    for (const position of this.#positions.values()) if (this.#isFound(position)) position.notBeforeMs = now;
    const due = [...this.#positions.values()].filter((position) => position.notBeforeMs <= now);
    if (due.length < this.#positions.size) this.#wakeLater(now);
    const lost = due.filter((position) => this.#isLost(position));
    if (lost.length > 0 && !this.#isLocating) void this.#locate(lost);
    const fetchable = due.filter((position) => !this.#isLost(position));
    const bySource = groupedBy(fetchable, (position) => this.#sourceOf(position));
    for (const [source, positions] of bySource) {
      if (source === null || this.#fetches.isBusy(source) || positions.some(({ buffered }) => buffered !== null))
        continue;
      void this.#fetch(source, positions);
    }
  }

  /** Where to fetch is not known, or from whom. */
  #isLost({ topic, fetchOffset }: Position): boolean {
    return fetchOffset === null || this.#cluster.known?.topics.has(topic) !== true;
  }

  /** It has failed in the wrong place, and now the right one is known. */
  #isFound({ topic, partition, route, isAstray }: Position): boolean {
    return isAstray && this.#cluster.hasMoved(topic, partition, route);
  }

  /** Null, and a later attempt, when nobody is known to lead it or it has to be begun anew. */
  #sourceOf(position: Position): number | null {
    try {
      const route = this.#cluster.routeTo(position.topic, position.partition);
      position.topicId ??= route.topicId;
      if (position.topicId !== route.topicId) {
        this.#beginAnew(position, ErrorCode.UNKNOWN_TOPIC_ID, "the topic has been deleted and created anew");
        return null;
      }
      Object.assign(position, { route, isAstray: false });
      const { follower } = position;
      if (follower === null) return route.leader;
      if (this.#cluster.clock.now() < follower.untilMs && this.#cluster.known?.brokers.has(follower.broker))
        return follower.broker;
      position.follower = null;
      return route.leader;
    } catch (error) {
      this.#failed([position], error as Error);
      return null;
    }
  }

  async #locate(positions: readonly Position[]): Promise<void> {
    this.#isLocating = true;
    for (const position of positions) {
      position.route = this.#cluster.knownRoute(position.topic, position.partition);
      position.isAstray = false;
    }
    try {
      await locate(this.#cluster, this.#settings, positions);
      this.#hasReached = true;
    } catch (error) {
      if (this.#isClosed) return;
      this.#failed(
        positions.filter((one) => this.#isLost(one)),
        error as Error,
      );
    } finally {
      this.#isLocating = false;
    }
    this.#changed();
  }

  async #fetch(source: number, positions: readonly Position[]): Promise<void> {
    const asked: Asked[] = positions.map((position) => {
      const { topic, partition, topicId, fetchOffset, fetchEpoch: lastFetchedEpoch, route } = position;
      const currentLeaderEpoch = route!.leaderEpoch;
      return { position, topic, topicId, partition, fetchOffset: fetchOffset!, currentLeaderEpoch, lastFetchedEpoch };
    });
    try {
      const response = await this.#fetches.fetch(source, asked, this.#rackFor(positions));
      if (response !== null) this.#take(response, asked);
    } catch (error) {
      if (this.#isClosed) return;
      this.#failed(positions, error as Error);
    }
    this.#changed();
  }

  /** One for all partitions of a fetch. None while one of them is to come from the leader: told a rack, it might only name a follower. */
  #rackFor(positions: readonly Position[]): string {
    const now = this.#cluster.clock.now();
    return positions.some(({ leaderOnlyUntilMs }) => now < leaderOnlyUntilMs) ? "" : this.#settings.rack;
  }

  #take(response: FetchResponse, asked: readonly Asked[]): void {
    this.#hasReached = true;
    if (response.errorCode !== 0) throw new KafkaError(response.errorCode, "fetch");
    const names = new Map(asked.map(({ topicId, topic }) => [topicId, topic]));
    const questions = new Map(asked.map((one) => [partitionName(one), one]));
    for (const { topic, topicId, partitions } of response.responses) {
      for (const fetched of partitions) {
        const of = topicId === UUID_ZERO ? topic : (names.get(topicId) ?? "");
        const name = partitionName({ topic: of, partition: fetched.partitionIndex });
        const question = questions.get(name);
        const position = this.#positions.get(name);
        // A seek or a new assignment may have come in between, or another answer: then this is one to a question no longer asked.
        if (question === undefined || position !== question.position) continue;
        if (position.fetchOffset !== question.fetchOffset || position.buffered !== null) continue;
        if (fetched.errorCode === 0) this.#fill(position, fetched);
        else this.#refused(position, fetched, response);
      }
    }
  }

  #fill(position: Position, fetched: FetchedPartition): void {
    if (fetched.preferredReadReplica >= 0) return this.#sentNearby(position, fetched.preferredReadReplica);
    if (fetched.divergingEpoch.endOffset >= 0) return this.#diverged(position, fetched.divergingEpoch);
    const { topic, partition } = position;
    const decoded = this.#decoded(position, fetched);
    if (decoded === null) return;
    const { records, nextOffset, leaderEpoch } = decoded;
    position.fetchOffset = nextOffset;
    if (leaderEpoch >= 0) position.fetchEpoch = leaderEpoch;
    position.failures = 0;
    if (records.length > 0) {
      position.buffered = { topic, partition, records, nextOffset, highWatermark: fetched.highWatermark };
      return;
    }
    position.consumed = nextOffset;
    position.consumedEpoch = position.fetchEpoch;
  }

  /** Null when a batch is damaged: that is this partition's trouble alone. */
  #decoded(position: Position, fetched: FetchedPartition): Decoded | null {
    try {
      return decodeFetched(partitionName(position), fetched, position.fetchOffset!);
    } catch (error) {
      this.#failed([position], error as Error);
      return null;
    }
  }

  #sentNearby(position: Position, broker: number): void {
    const { clock, settings, known } = this.#cluster;
    if (known?.brokers.has(broker)) {
      position.follower = { broker, untilMs: clock.now() + settings.metadataAgeMsMax };
      return;
    }
    this.#keepToLeader(position);
    const text = `broker ${broker} is named as the nearest, and nobody knows where it is`;
    this.#failed([position], new KafkaError(ErrorCode.REPLICA_NOT_AVAILABLE, partitionName(position), text));
  }

  /** As long as a leader's word about a follower would hold. */
  #keepToLeader(position: Position): void {
    const { clock, settings } = this.#cluster;
    position.follower = null;
    position.leaderOnlyUntilMs = clock.now() + settings.metadataAgeMsMax;
  }

  /** The log is another than the one we have read: it has been cut off where a leader was elected that did not have it all (KIP-320). */
  #diverged(position: Position, { epoch, endOffset }: FetchedPartition["divergingEpoch"]): void {
    const offset = position.fetchOffset!;
    if (endOffset < offset) {
      const text = `what was read from offset ${endOffset} to ${offset} has been cut off the log`;
      const error = new KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE, partitionName(position), text);
      // A follower may not have cut its own end off yet: only the leader's log counts.
      if (position.follower !== null) return this.#again([position], error);
      if (this.#settings.autoOffsetReset === "none") return this.#failForGood(error);
      this.#cluster.settings.onTrouble?.(error);
    }
    position.begin(Math.min(offset, endOffset), epoch);
  }

  #refused(position: Position, fetched: FetchedPartition, { nodeEndpoints }: FetchResponse): void {
    const { topic, topicId, partition, follower } = position;
    const { errorCode, currentLeader } = fetched;
    // A follower may lag, or begin later: the leader is asked before anything is given up.
    if (errorCode === ErrorCode.OFFSET_OUT_OF_RANGE && follower === null)
      return this.#beginAnew(position, errorCode, `offset ${position.fetchOffset} is not there`);
    const { leaderId: leader, leaderEpoch } = currentLeader;
    this.#cluster.learnLeader({ topic, topicId, partition, leader, leaderEpoch, endpoints: nodeEndpoints });
    const error = new KafkaError(errorCode, partitionName(position));
    if (follower === null) this.#failed([position], error);
    else this.#again([position], error);
  }

  /** Its offset means nothing any more: begins by policy, and says so, or gives the error to the reader. */
  #beginAnew(position: Position, errorCode: ErrorCode, why: string): void {
    const { autoOffsetReset } = this.#settings;
    const name = partitionName(position);
    if (autoOffsetReset === "none")
      return this.#failForGood(new KafkaError(errorCode, name, `${why}, and autoOffsetReset is "none"`));
    const error = new KafkaError(errorCode, name, `${why}: reading goes on at the ${autoOffsetReset} offset`);
    this.#cluster.settings.onTrouble?.(error);
    this.#positions.set(name, new Position(position, autoOffsetReset));
    // Not from within the walk over all positions.
    this.#cluster.clock.afterTick(() => this.pump());
  }

  #failForGood(error: Error): void {
    this.#fault = error;
    this.#onChange();
  }

  #failed(positions: readonly Position[], error: Error): void {
    const { clock, settings } = this.#cluster;
    const isLate = !this.#hasReached && clock.now() - this.#beganMs > settings.operationTimeoutMs;
    if (isLate || !mayRetry(error)) this.#failForGood(error);
    else this.#again(positions, error);
  }

  /** Later, and from the leader. */
  #again(positions: readonly Position[], error: Error): void {
    const { clock, random, settings } = this.#cluster;
    const now = clock.now();
    settings.onTrouble?.(error);
    const isAstray = saysStaleMetadata(error);
    for (const position of positions) {
      position.notBeforeMs = now + backoffMs(position.failures++, settings, random);
      if (position.follower !== null) this.#keepToLeader(position);
      position.isAstray = isAstray;
    }
    if (isAstray) this.#search.begin();
    this.#wakeLater(now);
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
