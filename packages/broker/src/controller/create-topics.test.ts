import { VirtualClock } from "@odradek/kit/testing";
import { ErrorCode } from "@odradek/protocol";
import { afterEach, beforeEach, expect, test } from "vitest";
import { MemoryTree } from "../testing/memory-session.ts";
import { startTestPair, type TestCluster } from "../testing/test-cluster.ts";
import type { TopicSpec } from "./create-topic.ts";
import { createTopics } from "./create-topics.ts";

let pair: TestCluster[];

beforeEach(async () => {
  const clock = new VirtualClock();
  pair = await startTestPair(new MemoryTree(clock), clock);
});

afterEach(async () => {
  await Promise.all(pair.map(({ cluster }) => cluster.close()));
});

const topic = (name: string, more: Partial<TopicSpec> = {}): TopicSpec => {
  return { name, partitions: 1, replicationFactor: 1, configs: {}, ...more };
};

const many = (name: string, more: Partial<TopicSpec> = {}): TopicSpec[] =>
  Array.from({ length: 10_000 }, (_, index) => topic(`${name}${index}`, more));

/** Answers, and how many turns others had meanwhile. */
async function created(specs: readonly TopicSpec[]): Promise<{ errors: Set<number>; turns: number }> {
  let [turns, isAnswered] = [0, false];
  const turn = (): void => {
    turns++;
    if (!isAnswered) setImmediate(turn);
  };
  setImmediate(turn);
  const answers = await createTopics(pair[0]!.cluster, specs);
  isAnswered = true;
  expect(answers).toHaveLength(specs.length);
  return { errors: new Set(answers.map(({ error }) => error)), turns };
}

test.each([
  ["that are only looked at", many("words", { validateOnly: true }), ErrorCode.NONE],
  ["that can't be created", many("wo rds"), ErrorCode.INVALID_TOPIC_EXCEPTION],
])("others have their turn while one request asks for ten thousand topics %s", async (_, specs, error) => {
  const { errors, turns } = await created(specs);
  expect(errors).toEqual(new Set([error]));
  expect(turns).toBeGreaterThanOrEqual(20);
});

test("more partitions than one request may create are refused, all of them", async () => {
  const { cluster } = pair[0]!;
  const answers = await createTopics(cluster, [topic("words", { partitions: 9_999 }), topic("others"), topic("more")]);
  const message = "Excessively large number of partitions per request: 10001, more than 10000.";
  expect(answers).toEqual(answers.map(() => ({ error: ErrorCode.POLICY_VIOLATION, message })));
  expect(cluster.image.topics.size).toBe(0);
});

test("of topics that stand in the picture and collide with new ones the name is told", async () => {
  const { cluster } = pair[0]!;
  await createTopics(cluster, [topic("a.b"), topic("c_d")]);
  const [first, second, third] = await createTopics(cluster, [topic("a_b"), topic("c_d"), topic("a_d")]);
  expect(first).toMatchObject({ message: "Topic 'a_b' collides with existing topic: a.b" });
  expect(second).toMatchObject({ error: ErrorCode.TOPIC_ALREADY_EXISTS });
  expect(third).toMatchObject({ error: ErrorCode.NONE });
});
