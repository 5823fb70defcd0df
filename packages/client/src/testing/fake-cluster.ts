import { MetadataApi, type ResponseDraft } from "@odradek/protocol";
import { FakeBroker } from "./fake-broker.ts";

export const FIRST_ID = "wOJ5yWFiT8yxDdNWqPzFkg";
export const SECOND_ID = "AOJ5yWFiT8yxDdNWqPzFkg";

/** Fake brokers 1, 2, … that say the same of the one topic "t" and its one partition, until a test changes their minds. */
export class FakeCluster implements AsyncDisposable {
  readonly brokers: readonly FakeBroker[];
  topicId = FIRST_ID;
  leader = 1;
  leaderEpoch = 1;
  /** The broker that has heard nothing since the start: it still says that it leads. */
  cutOff: number | null = null;
  /** Called before each answer. */
  onMetadata: () => void = () => {};

  private constructor(brokers: readonly FakeBroker[]) {
    this.brokers = brokers;
    for (const broker of brokers) broker.on(MetadataApi, () => this.#metadata(broker.id));
  }

  static async start(
    count: number,
    options: { versions?: ReadonlyMap<number, readonly [number, number]> } = {},
  ): Promise<FakeCluster> {
    const ids = Array.from({ length: count }, (_, at) => at + 1);
    return new FakeCluster(await Promise.all(ids.map((id) => FakeBroker.start({ ...options, id }))));
  }

  get bootstrap(): string {
    return this.brokers.map(({ bootstrap }) => bootstrap).join(",");
  }

  broker(id: number): FakeBroker {
    return this.brokers[id - 1]!;
  }

  /** How often any of them was asked for metadata. */
  get metadataCount(): number {
    return this.brokers.flatMap((broker) => broker.requests(MetadataApi)).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.brokers.map((broker) => broker[Symbol.asyncDispose]()));
  }

  #metadata(asked: number): ResponseDraft<typeof MetadataApi> {
    this.onMetadata();
    const { topicId } = this;
    const [leaderId, leaderEpoch] = asked === this.cutOff ? [asked, 1] : [this.leader, this.leaderEpoch];
    const ids = this.brokers.map(({ id }) => id);
    const partition = { errorCode: 0, partitionIndex: 0, leaderId, leaderEpoch, replicaNodes: ids, isrNodes: ids };
    return {
      brokers: this.brokers.map(({ id, port }) => ({ nodeId: id, host: "127.0.0.1", port })),
      controllerId: 1,
      topics: [{ errorCode: 0, name: "t", topicId, partitions: [partition] }],
    };
  }
}
