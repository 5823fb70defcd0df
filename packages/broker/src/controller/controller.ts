import { AssertionError, type Cancel, type Clock, type Logger } from "@odradek/kit";
import type { Operation, Outcome } from "@odradek/metadata/client";
import type { Cluster } from "../cluster/cluster.ts";
import type { ClusterImage, TopicImage } from "../cluster/image.ts";
import { isMoving } from "../cluster/moves.ts";
import { encode, paths } from "../cluster/nodes.ts";
import { limits } from "../limits.ts";
import { batches } from "./batches.ts";
import { electionsFor, type PartitionChange, preferredLeadersFor } from "./elect.ts";

/** Wait before another try when the store could not be reached. */
const RETRY_MS = 200;

/** Transactions under way at once. */
const IN_FLIGHT_MAX = 16;

/** What decides over a topic besides itself. */
type Circumstances = readonly unknown[];
const circumstancesOf = (image: ClusterImage, { name }: TopicImage): Circumstances => [
  image.brokers,
  image.known,
  image.topicConfigs.get(name),
  image.brokerConfigs,
];
const isSame = (one: Circumstances | undefined, other: Circumstances): boolean =>
  one?.every((each, at) => each === other[at]) === true;

/**
 * Every broker runs one; at most one of them acts: the owner of /controller, fenced by the version of /controller-epoch
 * (DESIGN D5). It compares every image with what should be and writes the difference, so a missed or doubled event changes nothing.
 */
export class Controller {
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Topics that were as they should be, as long as the same brokers are there and the same settings hold. */
  #settled = new WeakMap<TopicImage, Circumstances>();
  /** Version of /controller-epoch that our election wrote, and the incarnation we were elected as. */
  #elected: { epochVersion: number; incarnation: string } | null = null;
  #isBusy = false;
  #isDirty = false;
  #isClosed = false;
  /** Smaller after a transaction was refused: one partition that somebody else changed must not hold back the others. */
  #changesMax: number = limits.multiOperationsMax;
  #wantsPreferred = false;
  #cancelRetry: Cancel = () => {};
  #cancelPreferred: Cancel = () => {};

  constructor(parts: { cluster: Cluster; clock: Clock; logger: Logger }) {
    this.#cluster = parts.cluster;
    this.#clock = parts.clock;
    this.#logger = parts.logger;
    parts.cluster.onImage(() => this.#wake());
    this.#schedulePreferred();
    this.#wake();
  }

  /** True while this broker is the controller, as far as it knows. */
  get isActive(): boolean {
    const { controller } = this.#cluster.image;
    const { registration, brokerId } = this.#cluster;
    return (
      this.#elected !== null &&
      registration?.incarnation === this.#elected.incarnation &&
      controller?.broker === brokerId &&
      controller.incarnation === registration.incarnation
    );
  }

  /** Acts no more. Another broker is elected when this broker's session ends. */
  close(): void {
    this.#isClosed = true;
    this.#cancelRetry();
    this.#cancelPreferred();
  }

  #wake(): void {
    this.#isDirty = true;
    if (!this.#isBusy && !this.#isClosed) void this.#run();
  }

  async #run(): Promise<void> {
    this.#isBusy = true;
    try {
      while (this.#isDirty && !this.#isClosed) {
        this.#isDirty = false;
        if (this.#isVacant()) await this.#stand();
        else if (this.isActive) await this.#act();
      }
    } catch (cause) {
      if (cause instanceof AssertionError) throw cause;
      this.#logger.warn({ err: cause }, "the controller could not reach the coordination store");
      this.#retryLater();
    } finally {
      this.#isBusy = false;
    }
  }

  #retryLater(): void {
    this.#cancelRetry();
    this.#cancelRetry = this.#clock.timer(RETRY_MS, () => this.#wake());
  }

  /** Nobody is controller, or its node is left over from a life that has ended: a quick restart need not wait for the old session. */
  #isVacant(): boolean {
    const { image, registration, brokerId } = this.#cluster;
    if (!registration || image.brokers.get(brokerId)?.shuttingDown !== false) return false;
    if (!image.controller) return true;
    return image.brokers.get(image.controller.broker)?.incarnation !== image.controller.incarnation;
  }

  async #stand(): Promise<void> {
    const { image, registration, brokerId } = this.#cluster;
    if (!registration) return;
    const data = encode({ broker: brokerId, incarnation: registration.incarnation });
    const { epoch, version } = image.controllerEpoch;
    const outcome = await this.#cluster.multi([
      { is: "set", path: paths.controllerEpoch, data: encode({ epoch: epoch + 1 }), version },
      image.controller
        ? { is: "set", path: paths.controller, data, version: image.controller.version, ephemeral: true }
        : { is: "create", path: paths.controller, data, ephemeral: true },
    ]);
    if (outcome.is === "done") {
      this.#elected = { epochVersion: outcome.results[0]!.version, incarnation: registration.incarnation };
      this.#settled = new WeakMap();
      this.#logger.info(
        { evt: "controller-elected", broker: brokerId, epoch: epoch + 1 },
        "this broker is the controller",
      );
      await this.#cluster.reached(outcome.revision, { timeoutMs: limits.ownImageTimeoutMs });
      this.#isDirty = true;
    } else await this.#newerThan(image);
  }

  async #act(): Promise<void> {
    const { image } = this.#cluster;
    const changes = this.#changes(image);
    if (changes.length === 0 || !this.#elected) return;
    const transactions = batches(image, changes, {
      controllerEpochVersion: this.#elected.epochVersion,
      changesMax: this.#changesMax,
    });
    this.#logger.info(
      { evt: "elections", partitions: changes.length, leaderless: changes.filter((one) => one.isLeaderless).length },
      "changing partitions",
    );
    let isRefused = false;
    for (let from = 0; from < transactions.length; from += IN_FLIGHT_MAX) {
      const outcomes = await this.#commit(transactions.slice(from, from + IN_FLIGHT_MAX));
      isRefused ||= outcomes.some((outcome) => outcome.is !== "done");
    }
    this.#changesMax = isRefused ? Math.max(1, this.#changesMax >> 2) : limits.multiOperationsMax;
    this.#isDirty = true;
    if (isRefused) await this.#newerThan(image);
  }

  async #commit(transactions: readonly Operation[][]): Promise<Outcome[]> {
    const outcomes = await Promise.all(transactions.map((operations) => this.#cluster.multi(operations)));
    const revision = Math.max(0, ...outcomes.map((outcome) => (outcome.is === "done" ? outcome.revision : 0)));
    await this.#cluster.reached(revision, { timeoutMs: limits.ownImageTimeoutMs });
    return outcomes;
  }

  /** A refused transaction means that the image it was made from is old: the next one tells. */
  async #newerThan(image: ClusterImage): Promise<void> {
    if (await this.#cluster.reached(image.revision + 1, { timeoutMs: limits.leaderTimeoutMs })) return;
    this.#retryLater();
    this.#isDirty = false;
  }

  #changes(image: ClusterImage): PartitionChange[] {
    const mayBeUnclean = (name: string): boolean => this.#cluster.topicConfig(name).uncleanLeaderElection;
    const minInsyncReplicas = (name: string): number => this.#cluster.topicConfig(name).minInsyncReplicas;
    const changes: PartitionChange[] = [];
    for (const topic of image.topics.values()) {
      const circumstances = circumstancesOf(image, topic);
      if (isSame(this.#settled.get(topic), circumstances)) continue;
      const here = electionsFor(image, topic, { mayBeUnclean, minInsyncReplicas });
      changes.push(...here);
      const isSettled = here.length === 0 && topic.partitions.every((one) => one.leader >= 0 && !isMoving(one));
      if (isSettled) this.#settled.set(topic, circumstances);
    }
    if (changes.length > 0 || !this.#wantsPreferred) return changes;
    this.#wantsPreferred = false;
    return [...image.topics.values()].flatMap((topic) => preferredLeadersFor(image, topic));
  }

  #schedulePreferred(): void {
    const { preferredLeaders, preferredLeaderDelayMs } = this.#cluster.config.replication;
    if (!preferredLeaders) return;
    this.#cancelPreferred = this.#clock.timer(preferredLeaderDelayMs, () => {
      this.#wantsPreferred = true;
      this.#schedulePreferred();
      this.#wake();
    });
  }
}
