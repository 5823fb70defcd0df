import type { Operation } from "@odradek/metadata/client";
import type { Cluster } from "../cluster/cluster.ts";
import { registrationChecks } from "../cluster/registration-checks.ts";
import { limits } from "../limits.ts";
import { Turns } from "../log/turns.ts";
import type { Placement } from "./assign.ts";
import { createTopic, planTopic, type TopicCreated, type TopicPlan, type TopicSpec } from "./create-topic.ts";
import { foldedName } from "./topic-names.ts";

/** Topics of one transaction, by their place in the request. */
type Bundle = Map<number, TopicPlan>;

/**
 * Creates topics that are asked for together, by as many as a transaction holds: that costs the store, and every broker that watches it, as much as
 * one topic. Where a transaction fails its topics are created one by one, for none must fail another. Of names that collide each waits for the one
 * before it, whose topic its own picture must show. Answers come in the order of `specs`.
 */
export async function createTopics(cluster: Cluster, specs: readonly TopicSpec[]): Promise<TopicCreated[]> {
  const underWay = new Set<Placement>();
  const turns = new Turns(limits.topicTransactionsAtOnce);
  const alone = (at: number): Promise<TopicCreated> => turns.take(() => createTopic(cluster, specs[at]!, underWay));
  const answers: (Promise<TopicCreated> | undefined)[] = [];
  for (const bundle of bundlesOf(cluster, specs, underWay)) {
    const created = turns.take(() => createBundle(cluster, bundle, underWay));
    for (const at of bundle.keys()) answers[at] = created.then((answer) => answer.get(at) ?? alone(at));
  }
  const before = new Map<string, Promise<unknown>>();
  for (const [at, { name }] of specs.entries()) {
    const earlier = before.get(foldedName(name));
    const created = answers[at] ?? Promise.resolve(earlier).then(() => alone(at));
    answers[at] = created;
    before.set(foldedName(name), created);
  }
  return Promise.all(answers as Promise<TopicCreated>[]);
}

/** Transactions of the topics that can be created at once: each name first of its kind, and none that needs more than one transaction. */
function bundlesOf(cluster: Cluster, specs: readonly TopicSpec[], underWay: Set<Placement>): Bundle[] {
  const bundles: Bundle[] = [];
  const names = new Set<string>();
  let left = { operations: 0, bytes: 0 };
  for (const [at, spec] of specs.entries()) {
    if (names.has(foldedName(spec.name))) continue;
    names.add(foldedName(spec.name));
    const plan = planTopic(cluster, spec, underWay);
    if (!("operations" in plan)) continue; // is told when it is tried alone
    const operations = plan.operations.length;
    const bytes = plan.operations.reduce((sum, one) => sum + ("data" in one ? one.data.length : 0), 0);
    const checks = cluster.image.known.size;
    if (operations + checks > limits.multiOperationsMax || bytes > limits.multiBytesMax) continue;
    if (operations > left.operations || bytes > left.bytes) {
      bundles.push(new Map());
      left = { operations: limits.multiOperationsMax - checks, bytes: limits.multiBytesMax };
    }
    underWay.add(plan.replicas);
    bundles.at(-1)!.set(at, plan);
    left = { operations: left.operations - operations, bytes: left.bytes - bytes };
  }
  return bundles;
}

/** What came of each topic; none of those that have to be tried alone. */
async function createBundle(
  cluster: Cluster,
  bundle: Bundle,
  underWay: Set<Placement>,
): Promise<Map<number, TopicCreated>> {
  const plans = [...bundle.values()];
  const members = plans.flatMap(({ nodes }) => nodes.flatMap(({ isr }) => isr));
  const operations: Operation[] = [
    ...registrationChecks(plans[0]!.image, members),
    ...plans.flatMap((plan) => plan.operations),
  ];
  const outcome = await cluster.transact(operations);
  if (outcome.is === "done") await cluster.reached(outcome.revision, { timeoutMs: limits.ownImageTimeoutMs });
  for (const { replicas } of plans) underWay.delete(replicas);
  if (outcome.is === "failed") return new Map();
  const answerOf = ({ created }: TopicPlan): TopicCreated => (outcome.is === "done" ? created : outcome);
  return new Map([...bundle].map(([at, plan]) => [at, answerOf(plan)]));
}
