import { delay, integerBelow, type Net, type Random } from "@odradek/kit";
import { type EventLoop, isBug, ProcessClock } from "@odradek/kit/simulation";
import { ErrorCode, MetadataApi } from "@odradek/protocol";

import type { History as ClientHistory } from "@odradek/client/history";

import type { History } from "./history.ts";
import type { Links } from "./links.ts";
import { nameOf } from "./sim-broker.ts";
import { WireClient } from "./wire-client.ts";

export type SimClientParts = {
  name: string;
  loop: EventLoop;
  links: Links;
  random: Random;
  /** Whom it asks first. */
  brokers: readonly number[];
  topic: string;
  histories: readonly History[];
  /** What clients see, for Jepsen's judgement. */
  seen: ClientHistory;
  requestTimeoutMs: number;
  failed: (error: unknown) => void;
};

export type Leader = { broker: number; epoch: number };

/** A client of the brokers: its connections, and who leads what as far as it knows. */
export class SimClient {
  readonly name: string;
  readonly clock: ProcessClock;
  protected readonly parts: SimClientParts;
  readonly #net: Net;
  readonly #connections = new Map<number, Promise<WireClient>>();
  #leaders: Leader[] = [];
  #refreshing: Promise<void> | null = null;

  constructor(parts: SimClientParts) {
    this.parts = parts;
    this.name = parts.name;
    this.clock = new ProcessClock(parts.loop);
    this.#net = parts.links.ports(parts.name, this.clock).net;
  }

  /** Runs a loop of this client; what it throws is a violation. */
  protected go(work: () => Promise<void>): void {
    void work().catch((error: unknown) => {
      if (this.clock.alive) this.parts.failed(error);
    });
  }

  protected pause(ms: number): Promise<void> {
    return delay(this.clock, ms);
  }

  protected connection(broker: number): Promise<WireClient> {
    const present = this.#connections.get(broker);
    if (present) return present;
    const { requestTimeoutMs } = this.parts;
    const ports = { clock: this.clock, net: this.#net };
    const opening = WireClient.open(ports, { host: nameOf(broker), port: 9092 }, requestTimeoutMs);
    this.#connections.set(broker, opening);
    const forget = (): void => {
      if (this.#connections.get(broker) === opening) this.#connections.delete(broker);
    };
    opening.then((client) => (client.onClosed = forget), forget);
    return opening;
  }

  protected leaderOf(partition: number): Leader | null {
    const leader = this.#leaders[partition];
    return leader === undefined || leader.broker < 0 ? null : leader;
  }

  /** Whether that is the topic, and not an earlier one of its name, of which a broker may still tell. */
  protected isMine(_topicId: string): boolean {
    return true;
  }

  /** Whatever leads now, it is nobody of before: the topic is gone. */
  protected forget(): void {
    this.#leaders = [];
  }

  /** Asks a broker who leads; an answer older than what is known is ignored, as clients do (KIP-320). */
  protected refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  async #refresh(): Promise<void> {
    const { random, brokers, topic, requestTimeoutMs } = this.parts;
    try {
      const client = await this.connection(brokers[integerBelow(random, brokers.length)]!);
      const request = { topics: [{ name: topic }], allowAutoTopicCreation: false };
      const { topics } = await client.send(MetadataApi, 12, request, requestTimeoutMs);
      if (topics[0]?.errorCode !== ErrorCode.NONE || !this.isMine(topics[0].topicId)) return;
      for (const { partitionIndex, leaderId, leaderEpoch } of topics[0].partitions) {
        const known = this.#leaders[partitionIndex];
        if (known === undefined || leaderEpoch >= known.epoch)
          this.#leaders[partitionIndex] = { broker: leaderId, epoch: leaderEpoch };
      }
    } catch (error) {
      if (isBug(error)) this.parts.failed(error);
      // Somebody else is asked the next time.
    }
  }
}
