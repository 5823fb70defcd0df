import type { Operation } from "@odradek/metadata/client";
import { ErrorCode } from "@odradek/protocol";
import type { Cluster } from "../cluster/cluster.ts";
import { registrationChecks } from "../cluster/registration-checks.ts";
import { limits } from "../limits.ts";
import { Turns } from "../log/turns.ts";
import { UnderWay } from "./assign.ts";
import { createTopic, planTopic, type TopicCreated, type TopicPlan, type TopicSpec } from "./create-topic.ts";
import { foldedName } from "./topic-names.ts";

/** Topics by their place in the request. */
type ByPlace<Value> = Map<number, Value>;

/** What is planned at once: the topics of one transaction, those that were answered instead, and those that need more than one. */
type Bundle = { plans: ByPlace<TopicPlan>; answered: ByPlace<TopicCreated>; large: number[] };

/**
 * Creates topics that are asked for together, by as many as a transaction holds: that costs the store, and every broker that watches it, as much as
 * one topic. Where a transaction fails its topics are created one by one, for none must fail another. Of names that collide each waits for the one
 * before it, whose topic its own picture must show. Answers come in the order of `specs`.
 */
export async function createTopics(cluster: Cluster, specs: readonly TopicSpec[]): Promise<TopicCreated[]> {
  const tooMany = problemWithNumber(cluster, specs);
  if (tooMany) return specs.map(() => tooMany);
  return new Creation(cluster, specs).created();
}

/** Kafka bounds what one request may create, and refuses all of it. */
function problemWithNumber({ config }: Cluster, specs: readonly TopicSpec[]): TopicCreated | null {
  const partitionsOf = ({ assignments, partitions }: TopicSpec): number =>
    assignments?.length ?? (partitions === -1 ? config.topics.partitions : partitions);
  const count = specs.reduce((sum, spec) => sum + Math.max(1, partitionsOf(spec)), 0);
  const max = limits.partitionsPerRequestMax;
  if (count <= max) return null;
  const message = `Excessively large number of partitions per request: ${count}, more than ${max}.`;
  return { error: ErrorCode.POLICY_VIOLATION, message };
}

/** One request, on its way. */
class Creation {
  readonly #cluster: Cluster;
  readonly #specs: readonly TopicSpec[];
  readonly #underWay = new UnderWay();
  readonly #transactions = new Turns(limits.topicTransactionsAtOnce);
  /** Planning is computing: one bundle, or one topic alone, in a tick. */
  readonly #planning = new Turns(1);
  readonly #answers: TopicCreated[] = [];

  constructor(cluster: Cluster, specs: readonly TopicSpec[]) {
    this.#cluster = cluster;
    this.#specs = specs;
  }

  async created(): Promise<TopicCreated[]> {
    const byName = Map.groupBy(this.#specs.keys(), (at) => foldedName(this.#specs[at]!.name));
    const collisions = [...byName.values()];
    await this.#createAll(collisions.map(([first]) => first!));
    await Promise.all(collisions.map(([, ...later]) => this.#oneAfterTheOther(later)));
    return this.#answers;
  }

  /** Creates topics whose names do not collide. */
  async #createAll(places: readonly number[]): Promise<void> {
    const left = { places, next: 0 };
    const alone: number[] = [];
    const work = async (): Promise<void> => {
      for (;;) {
        const bundle = await this.#planning.take(() => this.#nextBundle(left));
        if (bundle === null) return;
        for (const [at, answer] of bundle.answered) this.#answers[at] = answer;
        alone.push(...bundle.large, ...(await this.#createBundle(bundle.plans)));
      }
    };
    await Promise.all(Array.from({ length: limits.topicTransactionsAtOnce }, work));
    await Promise.all(alone.map((at) => this.#createAlone(at)));
  }

  async #oneAfterTheOther(places: readonly number[]): Promise<void> {
    for (const at of places) await this.#createAlone(at);
  }

  #createAlone(at: number): Promise<void> {
    return this.#transactions.take(async () => {
      await this.#planning.take(() => this.#cluster.endOfTick());
      this.#answers[at] = await createTopic(this.#cluster, this.#specs[at]!, this.#underWay);
    });
  }

  /** Takes as many topics as one transaction holds, and plans no more than about that, whatever comes of it; null: none is left. */
  async #nextBundle(left: { places: readonly number[]; next: number }): Promise<Bundle | null> {
    if (left.next >= left.places.length) return null;
    if (left.next > 0) await this.#cluster.endOfTick();
    const bundle: Bundle = { plans: new Map(), answered: new Map(), large: [] };
    const { operationsMax, bytesMax } = this.#room;
    const room = { operations: operationsMax, bytes: bytesMax };
    for (; left.next < left.places.length && room.operations > 0; left.next++) {
      const at = left.places[left.next]!;
      const plan = planTopic(this.#cluster, this.#specs[at]!, this.#underWay);
      const { operations, bytes } = sizeOf(plan);
      if (!("operations" in plan)) bundle.answered.set(at, plan);
      else if (operations > operationsMax || bytes > bytesMax) bundle.large.push(at);
      else if (operations > room.operations || bytes > room.bytes) break;
      else {
        this.#underWay.add(plan.replicas);
        bundle.plans.set(at, plan);
        room.bytes -= bytes;
      }
      room.operations -= operations;
    }
    return bundle;
  }

  /** What a transaction holds beside its checks. */
  get #room(): { operationsMax: number; bytesMax: number } {
    const checks = this.#cluster.image.known.size;
    return { operationsMax: limits.multiOperationsMax - checks, bytesMax: limits.multiBytesMax };
  }

  /** Returns those that have to be tried alone. */
  async #createBundle(plans: ByPlace<TopicPlan>): Promise<number[]> {
    if (plans.size === 0) return [];
    const all = [...plans.values()];
    const members = all.flatMap(({ nodes }) => nodes.flatMap(({ isr }) => isr));
    const operations: Operation[] = [
      ...registrationChecks(all[0]!.image, members),
      ...all.flatMap((plan) => plan.operations),
    ];
    const outcome = await this.#cluster.transact(operations);
    if (outcome.is === "done") await this.#cluster.reached(outcome.revision, { timeoutMs: limits.ownImageTimeoutMs });
    for (const { replicas } of all) this.#underWay.remove(replicas);
    if (outcome.is === "failed") return [...plans.keys()];
    for (const [at, { created }] of plans) this.#answers[at] = outcome.is === "done" ? created : outcome;
    return [];
  }
}

/** Of a topic that was only looked at: what it would have been about. */
function sizeOf(plan: TopicPlan | TopicCreated): { operations: number; bytes: number } {
  if (!("operations" in plan)) return { operations: plan.partitions ?? 1, bytes: 0 };
  const bytes = plan.operations.reduce((sum, one) => sum + ("data" in one ? one.data.length : 0), 0);
  return { operations: plan.operations.length, bytes };
}
