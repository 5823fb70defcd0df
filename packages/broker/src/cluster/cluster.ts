import { assert, type Clock, delay, type Logger, type Random, randomUuid, Watermark } from "@odradek/kit";
import type { Operation, Outcome, Session, Watch, WatchEvent } from "@odradek/metadata/client";
import type { BrokerConfig, ConfigLayers, TopicConfig } from "../config.ts";
import { limits } from "../limits.ts";
import { type ClusterImage, emptyImage, imageOf, nextImage } from "./image.ts";
import { ALL_BROKERS } from "./nodes.ts";
import { ProducerIds } from "./producer-ids.ts";
import { announceShutdown, type Identity, register, type Registration, ReplacedError } from "./register.ts";
import { TopicConfigs } from "./topic-configs.ts";
import { type Answered, NoSpaceError, transact, type Unanswered } from "./unanswered.ts";

export type ClusterOptions = {
  config: BrokerConfig;
  /** Opens a session with the coordination store; called again whenever one has ended. */
  connect: () => Promise<Session>;
  clock: Clock;
  random: Random;
  logger: Logger;
};

export type ImageListener = (image: ClusterImage, previous: ClusterImage) => void;

/** Wait before another try to reach the coordination store. */
const RECONNECT_MS = 200;

/** Wait before another try to register with a store that has no room: somebody has to make some. */
const NO_SPACE_MS = 2_000;

/** How long after a silence the store is not yet believed to be heard. */
const DOUBT_MS = 250;

/** The cluster as one broker sees it, and the broker's place in it: one session, one watch, one picture (DESIGN D4). */
export class Cluster {
  readonly brokerId: number;
  readonly #options: ClusterOptions;
  readonly #revision: Watermark;
  readonly #producerIds: ProducerIds;
  readonly #listeners: ImageListener[] = [];
  readonly #topicConfigs = new TopicConfigs();
  #image: ClusterImage = emptyImage;
  /** The picture that listeners were told last. */
  #told: ClusterImage = emptyImage;
  /** They were told in this tick already: what comes more of it is told once, at its end. */
  #isTold = false;
  #session: Session;
  #watch: Watch | null = null;
  #identity: Identity | null = null;
  /** The session in which we register or have registered. */
  #entering: Session | null = null;
  /** Resolves when the first registration shows in our picture. */
  readonly #entered = Promise.withResolvers<void>();
  #mayHaveLost = false;
  #hasOffline: () => boolean = () => false;
  #registration: Registration | null = null;
  #lastRegistration: Registration | null = null;
  /** Ours, also of registrations that were never answered: they may be in the tree. */
  readonly #incarnations = new Set<string>();
  #heardMs: number;
  /** When something was heard again after a silence; null while there was none. */
  #wokeMs: number | null = null;
  #isClosing = false;
  #isStopping = false;
  #fail: (error: Error) => void = () => {};
  /** Rejects when this broker must stop: another process has taken its number. Never resolves. */
  readonly failed: Promise<never>;

  private constructor(options: ClusterOptions, session: Session) {
    this.brokerId = options.config.brokerId;
    this.#options = options;
    this.#session = session;
    this.#heardMs = options.clock.now();
    this.#revision = new Watermark(options.clock, 0);
    this.#producerIds = new ProducerIds(() => this.#session);
    this.failed = new Promise((_, reject) => (this.#fail = reject));
    this.failed.catch(() => {}); // whoever runs the broker awaits it; nobody has to
  }

  /** Connects and resolves as soon as the first picture is there. The broker is not registered yet. */
  static async start(options: ClusterOptions): Promise<Cluster> {
    const cluster = new Cluster(options, await options.connect());
    void cluster.#follow();
    const timeoutMs = options.config.metadata.connectTimeoutMs;
    if (await cluster.reached(1, { timeoutMs })) return cluster;
    await cluster.close();
    throw new Error(`the coordination store sent no picture of the cluster within ${timeoutMs} ms`);
  }

  /** The newest picture; never changed, only replaced. */
  get image(): ClusterImage {
    return this.#image;
  }

  /** Our registration while it stands; null while we have none: then we lead nothing. */
  get registration(): Registration | null {
    return this.#registration;
  }

  /**
   * False as soon as nothing was heard from the coordination store for a session's time: another broker may lead by then, so
   * a broker that was paused must not serve on waking (RELIABILITY P-18).
   */
  get mayLead(): boolean {
    if (this.#registration === null || this.#told.revision < this.#registration.revision) return false;
    return this.#options.clock.now() - this.#heardMs <= this.#options.config.metadata.sessionTimeoutMs;
  }

  get config(): BrokerConfig {
    return this.#options.config;
  }

  /** The session of now; another one after it has ended. */
  get session(): Session {
    return this.#session;
  }

  /** A topic id nobody else has: 22 characters of base64url. */
  newTopicId(): string {
    return randomUuid(this.#options.random).toString("base64url");
  }

  /** Settings that hold here apart from a topic's own. */
  get configLayers(): Omit<ConfigLayers, "topic"> {
    const { brokerConfigs } = this.#image;
    return {
      broker: brokerConfigs.get(String(this.brokerId))?.settings ?? {},
      brokers: brokerConfigs.get(ALL_BROKERS)?.settings ?? {},
      static: this.#options.config.settings,
    };
  }

  /** The settings of a topic, as this broker resolves them. */
  topicConfig(name: string): TopicConfig {
    return this.#topicConfigs.of(this.#image, name, () => this.configLayers);
  }

  /** Resolves at the end of the tick: whoever computes much lets others have their turn. */
  endOfTick(): Promise<void> {
    return new Promise((resolve) => this.#options.clock.afterTick(resolve));
  }

  /** True once our picture is at least at `revision`; false after `timeoutMs` or when closed. */
  async reached(revision: number, options: { timeoutMs: number }): Promise<boolean> {
    return (await this.#revision.reached(revision, options)) === "reached";
  }

  /** Waits until `holds` is true of the picture; false after `timeoutMs`. */
  async until(holds: (image: ClusterImage) => boolean, options: { timeoutMs: number }): Promise<boolean> {
    const { clock } = this.#options;
    const endMs = clock.now() + options.timeoutMs;
    while (!holds(this.#image)) {
      const timeoutMs = endMs - clock.now();
      if (timeoutMs <= 0 || !(await this.reached(this.#image.revision + 1, { timeoutMs }))) return holds(this.#image);
    }
    return true;
  }

  /** Called after every change of the picture or of our registration, in the order of listening. */
  onImage(listener: ImageListener): void {
    this.#listeners.push(listener);
  }

  /** A transaction on the tree: all or nothing, exactly once. Rejects when no metadata node can be reached, or their disks are full. */
  async multi(operations: Operation[]): Promise<Outcome> {
    const outcome = await this.#session.multi(operations);
    // To lose against nobody: whoever waited for a newer picture would wait in vain.
    if (outcome.is === "failed" && outcome.failure === "NO_SPACE") throw new NoSpaceError();
    return outcome;
  }

  /** The same for a request that somebody waits for. */
  transact(operations: Operation[]): Promise<Answered | Unanswered> {
    const options = { clock: this.#options.clock, brokerId: this.brokerId, timeoutMs: limits.storeAnswerTimeoutMs };
    return transact(this.#session, operations, options);
  }

  /** A producer id nobody else has or will have. */
  allocateProducerId(): Promise<number> {
    return this.#producerIds.allocate();
  }

  /**
   * Makes this broker part of the cluster, and again with a new incarnation whenever its session has expired. Resolves when its own picture
   * shows it. `mayHaveLost`: what earlier processes of this broker wrote may be gone. `hasOffline`: now a replica can't be served; elections may
   * come before its partition's node says so, and must not take its word and drop others for it.
   */
  async register(
    identity: Omit<Identity, "brokerId">,
    { mayHaveLost, hasOffline }: { mayHaveLost: boolean; hasOffline: () => boolean },
  ): Promise<void> {
    assert(this.#identity === null, "a broker registers once");
    this.#identity = { ...identity, brokerId: this.brokerId };
    this.#mayHaveLost = mayHaveLost;
    this.#hasOffline = hasOffline;
    void this.#reenter(this.#session);
    await Promise.race([this.#entered.promise, this.failed]);
  }

  /**
   * Announces that we are stopping and waits until no partition that we lead could be led by another, at most
   * `timeoutMs`. Replicas go on serving meanwhile.
   */
  async beginShutdown(options: { timeoutMs: number } = { timeoutMs: limits.handOverTimeoutMs }): Promise<void> {
    this.#isStopping = true;
    if (!this.#registration) return;
    const outcome = await announceShutdown(this.#session, this.brokerId, this.#registration.incarnation);
    if (outcome.is !== "done") return;
    await this.until(
      (image) => image.revision >= outcome.revision && !leadsWhatAnotherCould(image, this.brokerId),
      options,
    );
  }

  /** Ends the session: to the others we are gone at once. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#registration = null;
    this.#watch?.close();
    this.#revision.close();
    await this.#session.close();
  }

  async #enter(session: Session): Promise<void> {
    const { clock, random, logger } = this.#options;
    assert(this.#identity, "the identity is known");
    session.reachableAt(this.#identity.grpcAddress);
    const incarnation = random.bytes(12).toString("base64url");
    this.#incarnations.add(incarnation);
    const isFirst = this.#lastRegistration === null;
    const mayHaveLost = (this.#mayHaveLost && isFirst) || this.#hasOffline();
    const ours = isFirst ? null : this.#incarnations;
    const options = { incarnation, wallMs: clock.wallMs(), ours, mayHaveLost };
    const registration = await this.#onceThereIsRoom(() => register(session, this.#identity!, options));
    this.#lastRegistration = registration;
    if (session !== this.#session) return; // it ended meanwhile
    this.#registration = registration;
    [this.#heardMs, this.#wokeMs] = [clock.now(), null];
    const fields = { evt: "registered", broker: this.brokerId, incarnation, revision: registration.revision };
    logger.info(fields, "registered");
    await this.reached(registration.revision, { timeoutMs: limits.ownImageTimeoutMs });
    this.#tell();
    this.#entered.resolve();
  }

  /** Ends with the session: a call on one that is over rejects. */
  async #onceThereIsRoom<T>(write: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await write();
      } catch (cause) {
        if (!(cause instanceof NoSpaceError)) throw cause;
        this.#options.logger.warn({ evt: "no-space" }, cause.message);
        await delay(this.#options.clock, NO_SPACE_MS);
      }
    }
  }

  /** The broker's life with the store: one session after the other, one watch on each. */
  async #follow(): Promise<void> {
    while (!this.#isClosing) {
      const session = this.#session;
      void session.ended.then((how) => this.#sessionEnded(session, how));
      if (this.#identity) void this.#reenter(session);
      await this.#replay(session);
      if (this.#isClosing) return;
      await session.close();
      this.#session = await this.#connect();
    }
  }

  async #connect(): Promise<Session> {
    for (;;) {
      try {
        return await this.#options.connect();
      } catch (cause) {
        this.#options.logger.warn({ err: cause }, "the coordination store can't be reached; trying again");
        await delay(this.#options.clock, RECONNECT_MS);
      }
    }
  }

  /** Ends with the session. */
  async #replay(session: Session): Promise<void> {
    let fromRevision = this.#image.revision;
    for (let isCompacted = true; isCompacted; fromRevision = 0) {
      isCompacted = false;
      const watch = this.#open(session, fromRevision);
      if (watch === null) return;
      this.#watch = watch;
      for await (const event of watch) {
        this.#hear();
        isCompacted = event.is === "compacted";
        this.#take(event);
      }
    }
  }

  /** Null: the session has ended already. */
  #open(session: Session, fromRevision: number): Watch | null {
    try {
      return session.watch({ path: "/", recursive: true, ...(fromRevision > 0 ? { fromRevision } : {}) });
    } catch (cause) {
      this.#options.logger.warn({ err: cause }, "could not watch the tree");
      return null;
    }
  }

  /**
   * The store has spoken. After a silence of a session's time the first words may be old ones that waited in a buffer while we
   * were paused, so only what comes a while later counts: by then the session's own clock has judged.
   */
  #hear(): void {
    const nowMs = this.#options.clock.now();
    const wasSilent = nowMs - this.#heardMs > this.#options.config.metadata.sessionTimeoutMs;
    if (!wasSilent) this.#heardMs = nowMs;
    else if (this.#wokeMs === null) this.#wokeMs = nowMs;
    else if (nowMs - this.#wokeMs >= DOUBT_MS) [this.#heardMs, this.#wokeMs] = [nowMs, null];
  }

  #take(event: WatchEvent): void {
    switch (event.is) {
      case "snapshot":
        return this.#show(imageOf(event.revision, event.nodes));
      case "changes":
        return this.#show(nextImage(this.#image, event));
      case "bookmark":
        // Nothing under "/" changed: a revision without change is not worth a new picture, but it is worth reaching.
        if (event.revision > this.#image.revision) this.#show({ ...this.#image, revision: event.revision });
        return;
      case "compacted":
        this.#options.logger.warn({ oldest: event.oldest }, "the watch fell behind; the whole tree is read again");
    }
  }

  /**
   * The picture is new at once; listeners are told at once when the tick is young, else at its end, so that a burst of
   * changes costs them one comparison and not one for each.
   */
  #show(image: ClusterImage): void {
    if (image.revision < this.#image.revision) return;
    this.#image = image;
    if (!this.#isTold) this.#tell();
    const live = image.brokers.get(this.brokerId);
    if (this.#registration && live && live.registeredRevision > this.#registration.revision)
      if (live.incarnation !== this.#registration.incarnation) this.#replaced(live.incarnation);
  }

  /** Tells the listeners, then those who wait for the revision: what they see has been acted on. */
  #tell(): void {
    const previous = this.#told;
    this.#told = this.#image;
    for (const listener of this.#listeners) listener(this.#told, previous);
    this.#revision.advance(Math.max(this.#revision.value, this.#told.revision));
    if (this.#isTold) return;
    this.#isTold = true;
    this.#options.clock.afterTick(() => {
      this.#isTold = false;
      if (this.#told !== this.#image && !this.#isClosing) this.#tell();
    });
  }

  #replaced(incarnation: string): void {
    this.#registration = null;
    this.#tell();
    this.#fail(new ReplacedError(`broker ${this.brokerId} was registered by another process (${incarnation})`));
  }

  /** We may be replaced from here on, so we lead nothing until we have registered anew. */
  #sessionEnded(session: Session, how: "expired" | "closed"): void {
    if (session !== this.#session || this.#isClosing) return;
    this.#options.logger.warn(
      { evt: "session-ended", how, session: session.id },
      "the session with the coordination store has ended",
    );
    this.#registration = null;
    this.#watch?.close();
    this.#tell();
  }

  /** A session that ends before we have registered in it, on a machine that stands still, is followed by one that tries again. */
  async #reenter(session: Session): Promise<void> {
    if (this.#isStopping || this.#entering === session) return;
    this.#entering = session;
    try {
      await this.#enter(session);
    } catch (cause) {
      if (cause instanceof ReplacedError) return this.#fail(cause);
      this.#options.logger.warn({ err: cause }, "could not register");
      await delay(this.#options.clock, RECONNECT_MS);
      await session.close(); // the next session tries again
    }
  }
}

function leadsWhatAnotherCould(image: ClusterImage, brokerId: number): boolean {
  const couldLead = (id: number): boolean => id !== brokerId && image.brokers.get(id)?.shuttingDown === false;
  for (const topic of image.topics.values())
    for (const { leader, isr } of topic.partitions) if (leader === brokerId && isr.some(couldLead)) return true;
  return false;
}
