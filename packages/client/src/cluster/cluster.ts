import { type Clock, integerBelow, type Random } from "@odradek/kit";
import {
  type AnyApi,
  ErrorCode,
  FindCoordinatorApi,
  MetadataApi,
  type RequestDraft,
  type ResponseOf,
} from "@odradek/protocol";
import { ConnectError, DeadlineError, KafkaError, mayRetry, orThrow, saysStaleMetadata } from "../errors.ts";
import type { BrokerConnection, Said } from "./connection.ts";
import { ConnectionPool } from "./connection-pool.ts";
import {
  type BrokerNode,
  type ClusterMetadata,
  clusterMetadata,
  hasMoved,
  type LeaderHint,
  merged,
  type Route,
  routeOf,
  type TopicMetadata,
  withLeader,
} from "./metadata.ts";
import { type Address, type ClusterOptions, type ClusterSettings, formatAddress, settingsOf } from "./options.ts";
import { retried } from "./retry.ts";
import { Vigil } from "./vigil.ts";

/** What a connection is for. A long fetch or a join would hold up what is queued behind it on the same connection. */
export type Lane = "main" | "fetch" | "group";

/**
 * One whose machine is gone costs whoever asks it the connect timeout. By then the others no longer name it (Kafka's session timeout: 9 s);
 * for longer it is not avoided, lest one that is cut off is the only one that is asked.
 */
const FAILING_MS = 10_000;

/** The cluster as one client sees it: connections on demand, metadata, who leads and who coordinates. */
export class Cluster implements AsyncDisposable {
  readonly settings: ClusterSettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly #connections: ConnectionPool;
  readonly #coordinators = new Map<string, number>();
  /** Until when a broker counts as failing, to which the last request or connection failed. */
  readonly #failing = new Map<number, number>();
  /** Who answered last, by API: its address. */
  readonly #answeredLast = new Map<number, string>();
  /** Questions about single topics under way: who wants the same waits for the same answer. */
  readonly #asking = new Map<string, Promise<ClusterMetadata>>();
  readonly #vigil: Vigil;
  #metadata: ClusterMetadata | null = null;
  #metadataAtMs = -Infinity;
  #isClosed = false;

  constructor(options: ClusterOptions) {
    this.settings = settingsOf(options);
    this.clock = this.settings.ports.clock;
    this.random = this.settings.ports.random;
    this.#connections = new ConnectionPool(this.settings);
    this.#vigil = new Vigil({
      clock: this.clock,
      // Says nothing of topics, so they are no younger for it.
      isInCluster: async (broker) => (await this.#ask([], { mayCreate: false, except: broker })).brokers.has(broker),
      // What waits for its answer is asked of whoever took over.
      gone: (broker) =>
        this.#connections.end(`${broker}/`, "it was silent, and the other brokers no longer count it among them"),
    });
  }

  /** The newest metadata we have; null before the first answer. */
  get known(): ClusterMetadata | null {
    return this.#metadata;
  }

  /** Forgets how old the metadata is: the next who needs it asks again. */
  invalidate(): void {
    this.#metadataAtMs = -Infinity;
  }

  deadline(timeoutMs: number = this.settings.operationTimeoutMs): number {
    return this.clock.now() + timeoutMs;
  }

  /** Runs `attempt` with retries until the deadline; errors that say so make the metadata stale. */
  retried<T>(
    what: string,
    attempt: () => Promise<T>,
    options: { readonly deadlineMs?: number; readonly mayRetry?: (error: unknown) => boolean } = {},
  ): Promise<T> {
    const { deadlineMs = this.deadline(), mayRetry: may = mayRetry } = options;
    const judge = (error: unknown): boolean => {
      if (saysStaleMetadata(error)) this.invalidate();
      if (this.#isClosed || !may(error)) return false;
      this.settings.onTrouble?.(error as Error);
      return true;
    };
    const { clock, random, settings: backoff } = this;
    return retried({ clock, random, backoff, deadlineMs, what, mayRetry: judge }, attempt);
  }

  /** Asks any broker for metadata: of `topics`, of all (null), or of none but the brokers ([]). One attempt over all brokers. */
  async refresh(topics: readonly string[] | null, mayCreate = false): Promise<ClusterMetadata> {
    const fresh = await this.#ask(topics, { mayCreate, except: null });
    this.#metadataAtMs = this.clock.now();
    return fresh;
  }

  /** The topic's partitions, from memory when young enough; else one attempt to learn them. Throws retriable KafkaErrors. */
  async topic(name: string, mayCreate = false): Promise<TopicMetadata> {
    const isFresh = this.clock.now() - this.#metadataAtMs < this.settings.metadataAgeMsMax;
    const known = this.#metadata?.topics.get(name);
    if (isFresh && known?.errorCode === ErrorCode.NONE) return known;
    let asking = this.#asking.get(name);
    if (asking === undefined) {
      asking = this.refresh([name], mayCreate).finally(() => this.#asking.delete(name));
      this.#asking.set(name, asking);
    }
    const topic = (await asking).topics.get(name);
    if (topic === undefined) throw new KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `topic ${name}`);
    orThrow(topic.errorCode, `topic ${name}`);
    return topic;
  }

  /** The broker that leads the partition, by what we know. Throws a retriable KafkaError when nobody does or the partition is unknown. */
  leaderOf(topic: string, partition: number): number {
    return this.routeTo(topic, partition).leader;
  }

  /** The same, and what else the way to the partition depends on. */
  routeTo(topic: string, partition: number): Route {
    const route = routeOf(this.#metadata?.topics.get(topic), partition);
    if (route === undefined) throw new KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `${topic}-${partition}`);
    if (route === null) throw new KafkaError(ErrorCode.LEADER_NOT_AVAILABLE, `${topic}-${partition}`);
    return route;
  }

  /** Null when nobody is known to lead. */
  knownRoute(topic: string, partition: number): Route | null {
    return routeOf(this.#metadata?.topics.get(topic), partition) ?? null;
  }

  /** Whether the way to the partition is another now than `before`; null: none was known. */
  hasMoved(topic: string, partition: number, before: Route | null): boolean {
    return hasMoved(this.knownRoute(topic, partition), before);
  }

  /** Takes the word of a broker that is not the leader for who is (KIP-951). False: nothing new, so the others have to be asked. */
  learnLeader(hint: LeaderHint): boolean {
    const learnt = withLeader(this.#metadata, hint);
    if (learnt !== null) this.#metadata = learnt;
    return learnt !== null;
  }

  /** The broker that coordinates the group. Throws retriable KafkaErrors while there is none. */
  async coordinatorOf(groupId: string): Promise<number> {
    const known = this.#coordinators.get(groupId);
    if (known !== undefined) return known;
    const answer = await this.sendToAny(FindCoordinatorApi, (version) =>
      version >= 4 ? { keyType: 0, coordinatorKeys: [groupId] } : { keyType: 0, key: groupId },
    );
    const found = answer.coordinators[0] ?? answer;
    orThrow(found.errorCode, `group ${groupId}`, found.errorMessage);
    const node = { id: found.nodeId, host: found.host, port: found.port, rack: null };
    const before = this.#metadata ?? { clusterId: null, controllerId: -1, brokers: new Map(), topics: new Map() };
    if (!before.brokers.has(node.id))
      this.#metadata = { ...before, brokers: new Map([...before.brokers, [node.id, node]]) };
    this.#coordinators.set(groupId, node.id);
    return node.id;
  }

  forgetCoordinator(groupId: string): void {
    this.#coordinators.delete(groupId);
  }

  /**
   * One request to one broker, which may wait `mayWaitMs` before it answers. Rejects with ConnectError, DeadlineError or
   * UnsupportedVersionError.
   */
  async send<A extends AnyApi>(
    broker: number,
    api: A,
    request: Said<A>,
    options: { lane?: Lane; timeoutMs?: number; mayWaitMs?: number; versionMax?: number } = {},
  ): Promise<ResponseOf<A>> {
    const { lane = "main", timeoutMs = this.settings.requestTimeoutMs, mayWaitMs = 0, versionMax } = options;
    const connection = await this.connectionTo(broker, lane);
    try {
      return await this.#vigil.over(broker, connection.send(api, request, timeoutMs, versionMax), mayWaitMs);
    } catch (error) {
      this.#noteFailure(broker);
      throw error;
    }
  }

  /** One request to the controller, or to whoever is named so. */
  async sendToController<A extends AnyApi>(api: A, request: Said<A>, timeoutMs?: number): Promise<ResponseOf<A>> {
    if (this.#metadata === null || this.clock.now() - this.#metadataAtMs > this.settings.metadataAgeMsMax)
      await this.refresh([]);
    const controller = this.#metadata!.controllerId;
    if (controller < 0) throw new KafkaError(ErrorCode.BROKER_NOT_AVAILABLE, "no controller is known");
    return this.send(controller, api, request, timeoutMs === undefined ? {} : { timeoutMs });
  }

  /** One request to whichever broker answers, another than the last time if there is one. Rejects with a ConnectError when none does. */
  async sendToAny<A extends AnyApi>(
    api: A,
    request: Said<A>,
    timeoutMs: number = this.settings.requestTimeoutMs,
    except: number | null = null,
  ): Promise<ResponseOf<A>> {
    const failures: Error[] = [];
    for (const candidate of this.#candidates(api.key, except)) {
      try {
        const connection =
          typeof candidate === "number"
            ? await this.connectionTo(candidate, "main")
            : await this.#connections.open(formatAddress(candidate), candidate);
        const answer = await connection.send(api, request, timeoutMs);
        this.#answeredLast.set(api.key, connection.address);
        return answer;
      } catch (error) {
        if (typeof candidate === "number") this.#noteFailure(candidate);
        if (this.#isClosed || !(error instanceof ConnectError || error instanceof DeadlineError)) throw error;
        failures.push(error);
      }
    }
    throw nobodyReached(failures, this.settings.bootstrap);
  }

  /** An open connection to the broker. Rejects with a ConnectError whose hop is "advertised address" when its address can't be reached. */
  async connectionTo(broker: number, lane: Lane): Promise<BrokerConnection> {
    const node = this.#metadata?.brokers.get(broker);
    if (node === undefined)
      throw new ConnectError(
        "advertised address",
        `broker ${broker}`,
        `broker ${broker} is not in the cluster's metadata`,
      );
    try {
      const connection = await this.#connections.open(`${broker}/${lane}/${formatAddress(node)}`, node);
      this.#failing.delete(broker);
      return connection;
    } catch (cause) {
      this.#noteFailure(broker);
      if (!(cause instanceof ConnectError) || cause.hop === "closed" || this.#isBootstrap(node)) throw cause;
      const message = `broker ${broker} advertises ${formatAddress(node)}, which can't be reached from here: ${cause.message}`;
      throw new ConnectError("advertised address", cause.address, message, { cause });
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#vigil.close();
    this.#connections.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  async #ask(
    topics: readonly string[] | null,
    { mayCreate, except }: { mayCreate: boolean; except: number | null },
  ): Promise<ClusterMetadata> {
    const ask: Said<typeof MetadataApi> = (version) => {
      const names = topics?.map((name) => ({ name })) ?? null;
      // Version 0 has no null: there an empty list means all topics.
      const request: RequestDraft<typeof MetadataApi> = { topics: version === 0 ? (names ?? []) : names };
      return version >= 4 ? { ...request, allowAutoTopicCreation: mayCreate } : request;
    };
    const fresh = clusterMetadata(await this.sendToAny(MetadataApi, ask, this.settings.connectTimeoutMs, except));
    this.#metadata = merged(this.#metadata, fresh, this.clock.now());
    return fresh;
  }

  #noteFailure(broker: number): void {
    this.#failing.set(broker, this.clock.now() + FAILING_MS);
  }

  /**
   * Who answered last comes after the other brokers: one that is cut off from them still answers, names itself as the leader and gives no
   * producer ids, and whoever asks again was not helped. Then those that fail, silent ones, and the bootstrap addresses.
   */
  #candidates(apiKey: number, except: number | null): (number | Address)[] {
    const brokers = this.#metadata?.brokers ?? new Map<number, BrokerNode>();
    const excepted = except === null ? undefined : brokers.get(except);
    const last = this.#answeredLast.get(apiKey);
    const rank = (broker: BrokerNode): number => {
      if (this.#vigil.isSilent(broker.id)) return 3;
      if (this.clock.now() < (this.#failing.get(broker.id) ?? -Infinity)) return 2;
      return formatAddress(broker) === last ? 1 : 0;
    };
    const known = this.#shuffled([...brokers.values()].filter(({ id }) => id !== except));
    known.sort((a, b) => rank(a) - rank(b));
    const bootstrap = this.settings.bootstrap.filter(
      ({ host, port }) => host !== excepted?.host || port !== excepted.port,
    );
    return [...known.map(({ id }) => id), ...this.#shuffled(bootstrap)];
  }

  #isBootstrap(node: BrokerNode): boolean {
    return this.settings.bootstrap.some((address) => address.host === node.host && address.port === node.port);
  }

  #shuffled<T>(list: T[]): T[] {
    for (let i = list.length - 1; i > 0; i--) {
      const j = integerBelow(this.random, i + 1);
      [list[i], list[j]] = [list[j]!, list[i]!];
    }
    return list;
  }
}

function nobodyReached(failures: readonly Error[], bootstrap: readonly Address[]): Error {
  if (failures.length === 1) return failures[0]!;
  const text = [...new Set(failures.map((failure) => failure.message))].join("; ");
  const hop = failures.find((failure) => failure instanceof ConnectError)?.hop ?? "closed";
  const cause = new AggregateError(failures);
  return new ConnectError(hop, bootstrap.map(formatAddress).join(","), `no broker can be reached: ${text}`, { cause });
}
