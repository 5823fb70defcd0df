import { randomUUID } from "node:crypto";
import { eventually } from "@odradek/kit/testing";
import { type Consumer, type ConsumerOptions, createAdmin, createConsumer, createProducer } from "../index.ts";

export const unique = (name: string): string => `${name}-${randomUUID().slice(0, 8)}`;
export const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

export async function newTopic(
  bootstrap: string,
  partitionCount: number,
  configs: { [name: string]: string } = {},
): Promise<string> {
  await using admin = createAdmin({ bootstrap });
  const name = unique("topic");
  await admin.createTopics([{ name, partitionCount, configs }]);
  return name;
}

export async function fill(
  bootstrap: string,
  topic: string,
  values: readonly string[],
  partition?: number,
): Promise<void> {
  await using producer = createProducer({ bootstrap });
  await producer.send({ topic, messages: values.map((value) => ({ key: value, value, partition })) });
}

/** Values until there are `count`; fails when they do not come in time. */
export async function take(consumer: Consumer, count: number): Promise<string[]> {
  const values: string[] = [];
  await eventually(
    `${count} records`,
    async () => {
      const batch = await consumer.next({ timeoutMs: 500 });
      for (const record of batch?.records ?? []) values.push(record.value!.toString());
      return values.length >= count;
    },
    20_000,
  );
  return values;
}

export const reader = (bootstrap: string, options: Partial<ConsumerOptions> = {}): Consumer =>
  createConsumer({
    bootstrap,
    autoOffsetReset: "earliest",
    heartbeatIntervalMs: 300,
    sessionTimeoutMs: 6_000,
    ...options,
  });
