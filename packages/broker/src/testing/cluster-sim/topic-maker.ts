import { isBug } from "@odradek/kit/simulation";
import { CreateTopicsApi, ErrorCode } from "@odradek/protocol";

import { SimClient, type SimClientParts } from "./sim-client.ts";

/** Creates the topic, and tries until it is there. */
export class TopicMaker extends SimClient {
  constructor(parts: SimClientParts & { partitions: number; replicas: number }) {
    super(parts);
    this.go(() => this.#make(parts));
  }

  async #make({
    topic,
    partitions,
    replicas,
    brokers,
  }: {
    topic: string;
    partitions: number;
    replicas: number;
    brokers: readonly number[];
  }): Promise<void> {
    const spec = { name: topic, numPartitions: partitions, replicationFactor: replicas, assignments: [], configs: [] };
    for (let at = 0; ; at++) {
      await this.pause(100);
      try {
        const client = await this.connection(brokers[at % brokers.length]!);
        const { topics } = await client.send(CreateTopicsApi, 7, { topics: [spec], timeoutMs: 1_000 }, 2_000);
        const { errorCode } = topics[0]!;
        if (errorCode === ErrorCode.NONE || errorCode === ErrorCode.TOPIC_ALREADY_EXISTS) return;
      } catch (error) {
        if (isBug(error)) throw error;
        // The next broker may be up.
      }
    }
  }
}
