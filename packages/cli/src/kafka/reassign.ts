import type { Admin } from "@odradek/client";
import { readFileSync } from "node:fs";
import { Failure } from "../terminal/failure.ts";
import { printJson, printList, tell, type OutputOptions } from "../terminal/output.ts";
import { withAdmin } from "./admin.ts";
import { type Placed, planned } from "./reassign-plan.ts";
import { clearThrottles, throttleMoves } from "./reassign-throttle.ts";
import type { KafkaOptions } from "./target.ts";

type Common = KafkaOptions & OutputOptions;

export type PlanOptions = Common & { topics: string[]; drain: number[]; spread: boolean };
export type ExecuteOptions = Common & { file: string | undefined; throttle: number | undefined; wait: boolean };
export type StatusOptions = Common & { wait: boolean };

/** Between two looks at moves that are waited for. */
const LOOK_MS = 500;

/** With -o json the plan is in the form that `execute` and Kafka's own kafka-reassign-partitions read. */
export function planMoves(options: PlanOptions): Promise<void> {
  const { topics, drain, spread } = options;
  if (drain.length === 0 && !spread) throw new Failure("usage", "what for? give --drain BROKER or --spread");
  return withAdmin(options, async (admin) => {
    const { brokers } = await admin.describeCluster();
    const names = topics.length > 0 ? topics : (await admin.listTopics()).map(({ name }) => name);
    const placed = (await admin.describeTopics(names)).flatMap(({ name: topic, partitions }) =>
      partitions.map(({ partition, replicas }): Placed => ({ topic, partition, replicas })),
    );
    const plan = planned(placed, brokers, { drain, isSpread: spread });
    if (options.output === "json") return printJson({ version: 1, partitions: plan });
    const before = (one: Placed): string =>
      placed.find(({ topic, partition }) => topic === one.topic && partition === one.partition)!.replicas.join(",");
    await printList(plan, options, [
      ["PARTITION", ({ topic, partition }) => `${topic}-${partition}`],
      ["FROM", before],
      ["TO", ({ replicas }) => replicas.join(",")],
    ]);
    if (plan.length === 0) tell("nothing has to move");
  });
}

export function executePlan(options: ExecuteOptions): Promise<void> {
  const plan = readPlan(options.file);
  return withAdmin(options, async (admin) => {
    if (options.throttle !== undefined) await throttleMoves(admin, plan, options.throttle);
    await admin.reassign(plan);
    tell(`moving ${plan.length} partitions`);
    if (options.wait) return settled(admin);
    if (options.throttle !== undefined)
      tell(
        `throttled to ${options.throttle} bytes a second until \`odradek reassign status\` sees that nothing moves any more`,
      );
  });
}

export function showMoves(options: StatusOptions): Promise<void> {
  return withAdmin(options, async (admin) => {
    if (options.wait) await settled(admin);
    const moves = await admin.listReassignments();
    const placed = moves.length === 0 ? [] : await admin.describeTopics([...new Set(moves.map(({ topic }) => topic))]);
    const rows = moves.map((move) => {
      const topic = placed.find(({ name }) => name === move.topic);
      const now = topic?.partitions.find(({ partition }) => partition === move.partition);
      const waiting = move.adding.filter((id) => now?.inSyncReplicas.includes(id) !== true);
      return { ...move, waitingFor: waiting };
    });
    await printList(rows, options, [
      ["PARTITION", ({ topic, partition }) => `${topic}-${partition}`],
      ["REPLICAS", ({ replicas }) => replicas.join(",")],
      ["ADDING", ({ adding }) => adding.join(",") || "-"],
      ["REMOVING", ({ removing }) => removing.join(",") || "-"],
      ["WAITING FOR", ({ waitingFor }) => waitingFor.join(",") || "-"],
    ]);
    if (moves.length > 0) return;
    tell("nothing is moving");
    if (await clearThrottles(admin)) tell("throttles removed");
  });
}

export function cancelMoves(options: StatusOptions): Promise<void> {
  return withAdmin(options, async (admin) => {
    const moves = await admin.listReassignments();
    await admin.reassign(moves.map(({ topic, partition }) => ({ topic, partition, replicas: null })));
    if (options.wait) await settled(admin);
    else await clearThrottles(admin);
    tell(moves.length === 0 ? "nothing was moving" : `cancelled ${moves.length} moves`);
  });
}

async function settled(admin: Admin): Promise<void> {
  while ((await admin.listReassignments()).length > 0) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  await clearThrottles(admin);
}

function readPlan(named: string | undefined): Placed[] {
  // yargs makes nothing of "-".
  const isStdin = named === undefined || named === "" || named === "-";
  const file = isStdin ? "stdin" : named;
  try {
    const { partitions } = JSON.parse(readFileSync(isStdin ? 0 : named, "utf8")) as { partitions?: unknown };
    if (Array.isArray(partitions) && partitions.every(isPlaced))
      return partitions.map(({ topic, partition, replicas }) => ({ topic, partition, replicas }));
  } catch (cause) {
    throw new Failure("usage", `${file} can't be read: ${(cause as Error).message}`, { cause });
  }
  throw new Failure("usage", `${file} is no plan; \`odradek reassign plan … -o json\` makes one`);
}

const isPlaced = (value: unknown): value is Placed => {
  const { topic, partition, replicas } = (value ?? {}) as Partial<Placed>;
  return (
    typeof topic === "string" &&
    Number.isInteger(partition) &&
    Array.isArray(replicas) &&
    replicas.every(Number.isInteger)
  );
};
