import type { AnyApi, RequestDraft, ResponseOf } from "@odradek/protocol";
import { CreateTopicsApi } from "@odradek/protocol/messages/create-topics";
import { DeleteTopicsApi } from "@odradek/protocol/messages/delete-topics";
import { FetchApi } from "@odradek/protocol/messages/fetch";
import { FindCoordinatorApi } from "@odradek/protocol/messages/find-coordinator";
import { ListOffsetsApi } from "@odradek/protocol/messages/list-offsets";
import { MetadataApi } from "@odradek/protocol/messages/metadata";
import { ProduceApi } from "@odradek/protocol/messages/produce";
import { type Json, Normalizer } from "./normal.ts";
import type { NoAnswer, System } from "./system.ts";

/** What a case was told, by what it asked. */
export type Transcript = Map<string, Json>;

export type TopicOptions = {
  partitions?: number;
  /** Of every partition; the first leads. */
  replicas?: readonly number[];
  settings?: Readonly<Record<string, string>>;
};

const PLAIN = 0;
const FETCH_VERSION = 11;
const LATEST = -1;
const POLL_MS = 20;
const READY_MS_MAX = 20_000;

/** Where one case plays on one of the systems, at one version of its API: what it makes here is gone afterwards. */
export class Stage<A extends AnyApi> {
  readonly api: A;
  readonly version: number;
  readonly system: System;
  readonly transcript: Transcript = new Map();
  /** Begins the names of topics and groups; the same on both systems, and new with every stage. */
  readonly prefix: string;
  readonly #normalizer: Normalizer;
  readonly #topicIds = new Map<string, string>();

  constructor(api: A, version: number, system: System, prefix: string) {
    this.api = api;
    this.version = version;
    this.system = system;
    this.prefix = prefix;
    this.#normalizer = new Normalizer(system.brokers, prefix);
  }

  /** Asks a broker, the first one unless told otherwise, and writes down the answer. */
  async ask(
    label: string,
    request: RequestDraft<A>,
    options: { broker?: number; waitMs?: number } = {},
  ): Promise<ResponseOf<A> | NoAnswer> {
    const { broker = 1, waitMs } = options;
    const answer = await this.system.ask(broker, this.api, this.version, request, waitMs);
    this.tell(label, answer);
    return answer;
  }

  /** Asks for something that belongs to the scene and must succeed as such; nothing is written down. */
  async call<B extends AnyApi>(api: B, version: number, request: RequestDraft<B>, broker = 1): Promise<ResponseOf<B>> {
    const answer = await this.system.ask(broker, api, version, request);
    if (typeof answer === "string") throw new Error(`${api.name} v${version}: ${answer}`);
    return answer;
  }

  tell(label: string, told: unknown): void {
    if (this.transcript.has(label)) throw new Error(`"${label}" stands twice in one case`);
    this.transcript.set(label, this.#normalizer.normal(told));
  }

  /** A name that no other stage uses. */
  name(suffix: string): string {
    return `${this.prefix}-${suffix}`;
  }

  /** The id of a topic this stage has made. */
  idOf(topic: string): string {
    return this.#topicIds.get(topic)!;
  }

  /** A topic led by the first of its replicas, known to every broker. */
  async topic(suffix: string, { partitions = 1, replicas = [1], settings = {} }: TopicOptions = {}): Promise<string> {
    const name = this.name(suffix);
    const created = await this.call(CreateTopicsApi, 7, {
      topics: [
        {
          name,
          numPartitions: -1,
          replicationFactor: -1,
          assignments: Array.from({ length: partitions }, (_, partitionIndex) => ({
            partitionIndex,
            brokerIds: replicas,
          })),
          configs: Object.entries(settings).map(([key, value]) => ({ name: key, value })),
        },
      ],
    });
    const { errorCode, errorMessage, topicId } = created.topics[0]!;
    if (errorCode !== PLAIN) throw new Error(`creating ${name}: ${errorCode} ${errorMessage}`);
    await this.adopt(name, topicId, { partitions, replicas: replicas.length });
    return name;
  }

  /** Waits until every broker shows the topic, and takes care of its end. */
  async adopt(name: string, topicId: string, shape: { partitions: number; replicas: number }): Promise<void> {
    this.#topicIds.set(name, topicId);
    this.#normalizer.topic(topicId, name);
    for (const broker of this.system.brokers.keys())
      await this.until(`${name} is led`, () => this.#isLed(name, broker, shape));
  }

  /** Whether a broker shows the topic as it shall be and, where it leads, serves it. */
  async #isLed(name: string, broker: number, shape: { partitions: number; replicas: number }): Promise<boolean> {
    const { topics } = await this.call(MetadataApi, 9, { topics: [{ name }], allowAutoTopicCreation: false }, broker);
    const shown = topics[0]!.partitions;
    const isReady = shown.every(({ leaderId, isrNodes }) => leaderId >= 0 && isrNodes.length === shape.replicas);
    if (!isReady || shown.length !== shape.partitions) return false;
    const led = shown.filter(({ leaderId }) => leaderId === broker);
    const partitions = led.map(({ partitionIndex }) => ({ partitionIndex, timestamp: LATEST }));
    const listed = await this.call(ListOffsetsApi, 7, { replicaId: -1, topics: [{ name, partitions }] }, broker);
    return listed.topics.every((one) => one.partitions.every(({ errorCode }) => errorCode === PLAIN));
  }

  async until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    for (const deadlineMs = Date.now() + READY_MS_MAX; Date.now() < deadlineMs;) {
      if (await isSo()) return;
      await new Promise((again) => setTimeout(again, POLL_MS));
    }
    throw new Error(`not in ${READY_MS_MAX} ms: ${what}`);
  }

  /** Writes batches, each in a request of its own, which must be taken. */
  async fill(topic: string, batches: readonly Buffer[], partition = 0): Promise<void> {
    for (const records of batches) {
      const topicData = [{ name: topic, partitionData: [{ index: partition, records }] }];
      const answer = await this.call(ProduceApi, 9, { acks: -1, timeoutMs: 10_000, topicData });
      const { errorCode, errorMessage } = answer.responses[0]!.partitionResponses[0]!;
      if (errorCode !== PLAIN) throw new Error(`producing to ${topic}: ${errorCode} ${errorMessage}`);
    }
  }

  /** Writes down everything that can be read of a partition. */
  async tellLog(label: string, topic: string, partition = 0): Promise<void> {
    const partitions = [{ partition, fetchOffset: 0, partitionMaxBytes: 16 * 1024 * 1024 }];
    const request = { maxWaitMs: 0, minBytes: 0, topics: [{ topic, partitions }] };
    const { responses } = await this.call(FetchApi, FETCH_VERSION, request);
    this.tell(label, responses[0]?.partitions[0] ?? null);
  }

  /** The broker that coordinates this group. */
  async coordinator(group: string): Promise<number> {
    let broker = -1;
    await this.until(`${group} has a coordinator`, async () => {
      const found = await this.call(FindCoordinatorApi, 4, { coordinatorKeys: [group] });
      broker = found.coordinators[0]!.nodeId;
      return found.coordinators[0]!.errorCode === PLAIN;
    });
    return broker;
  }

  async end(): Promise<void> {
    const topicNames = [...this.#topicIds.keys()];
    if (topicNames.length > 0) await this.call(DeleteTopicsApi, 5, { topicNames, timeoutMs: 30_000 });
  }
}

/** A stage for those who only set the scene, whatever is asked on it. */
export type Scene = Omit<Stage<AnyApi>, "api" | "ask">;
