import { integerBelow } from "@odradek/kit";
import { isBug } from "@odradek/kit/simulation";
import {
  AlterPartitionReassignmentsApi,
  type AnyApi,
  ElectLeadersApi,
  ErrorCode,
  type RequestDraft,
  type ResponseOf,
} from "@odradek/protocol";

import { SimClient, type SimClientParts } from "./sim-client.ts";
import type { TreePartition } from "./tree-checks.ts";

export type MoverParts = SimClientParts & {
  /** Replicas a partition has at least, wherever it goes. */
  replicasMin: number;
  /** Mean time between two of its orders. */
  everyMs: number;
};

const PREFERRED = 0;

/** Moves partitions to other replicas, gives moves up, and calls for preferred leaders, whatever happens meanwhile (KIP-455, KIP-460). */
export class Mover extends SimClient {
  readonly #parts: MoverParts;
  #isResting = false;
  /** Where each partition was told to go last, in peace. */
  readonly #targets: (number[] | null)[];

  constructor(parts: MoverParts) {
    super(parts);
    this.#parts = parts;
    this.#targets = parts.histories.map(() => null);
    this.go(() => this.#live());
  }

  /** From now on every partition is moved once more, and its preferred leader called for. */
  rest(): void {
    this.#isResting = true;
  }

  /** Every partition is where it was told to go, led by its first replica, and goes nowhere else. */
  isThere(partitions: readonly TreePartition[]): boolean {
    return partitions.every(({ replicas, adding, removing, leader }, index) => {
      const isMoving = adding !== undefined || removing !== undefined;
      return !isMoving && String(replicas) === String(this.#targets[index]) && leader === replicas[0];
    });
  }

  async #live(): Promise<void> {
    const { random, everyMs } = this.#parts;
    while (this.clock.alive) {
      await this.pause(random.next() * 2 * everyMs);
      if (this.#isResting) await this.#settle();
      else await this.#order(integerBelow(random, this.#targets.length));
    }
  }

  async #order(partition: number): Promise<void> {
    const chance = this.#parts.random.next();
    if (chance < 0.6) await this.#move(partition, this.#drawReplicas());
    else if (chance < 0.75) await this.#move(partition, null);
    else await this.#elect();
  }

  async #settle(): Promise<void> {
    for (const [partition, target] of this.#targets.entries()) {
      const replicas = target ?? this.#drawReplicas();
      if (target === null && (await this.#move(partition, replicas))) this.#targets[partition] = replicas;
    }
    if (!this.#targets.includes(null)) await this.#elect();
  }

  #drawReplicas(): number[] {
    const { random, brokers, replicasMin } = this.#parts;
    const left = [...brokers];
    const most = Math.min(left.length, replicasMin + 1);
    const count = replicasMin + integerBelow(random, most - replicasMin + 1);
    return Array.from({ length: count }, () => left.splice(integerBelow(random, left.length), 1)[0]!);
  }

  /** Whether that was accepted. Null: the move under way is given up. */
  async #move(partitionIndex: number, replicas: number[] | null): Promise<boolean> {
    const topics = [{ name: this.#parts.topic, partitions: [{ partitionIndex, replicas }] }];
    const answer = await this.#ask(AlterPartitionReassignmentsApi, 1, { topics });
    return answer?.errorCode === ErrorCode.NONE && answer.responses[0]?.partitions[0]?.errorCode === ErrorCode.NONE;
  }

  async #elect(): Promise<void> {
    await this.#ask(ElectLeadersApi, 2, { electionType: PREFERRED, topicPartitions: null });
  }

  /** Any broker carries out an order; null: nobody knows whether it was. */
  async #ask<A extends AnyApi>(api: A, version: number, request: RequestDraft<A>): Promise<ResponseOf<A> | null> {
    const { random, brokers, requestTimeoutMs } = this.#parts;
    try {
      const client = await this.connection(brokers[integerBelow(random, brokers.length)]!);
      return await client.send(api, version, request, requestTimeoutMs * 2);
    } catch (error) {
      if (isBug(error)) throw error;
      return null;
    }
  }
}
