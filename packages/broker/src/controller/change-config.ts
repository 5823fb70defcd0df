import type { Operation } from "@odradek/metadata/client";
import { ErrorCode } from "@odradek/protocol";
import type { Cluster } from "../cluster/cluster.ts";
import type { ClusterImage, ConfigImage } from "../cluster/image.ts";
import { ALL_BROKERS, encode, paths } from "../cluster/nodes.ts";
import { limits } from "../limits.ts";
import type { Problem } from "./create-topic.ts";
import { problemWithTopicName } from "./topic-names.ts";

/** Whose settings: a topic's, one broker's, or those of all brokers. */
export type ConfigTarget = { is: "topic"; name: string } | { is: "broker"; id: number } | { is: "brokers" };

/** From the settings as they are to the settings as they should be, or why not. Called again when somebody else was faster. */
export type ConfigEdit = (settings: Readonly<Record<string, string>>) => Record<string, string> | Problem;

const isProblem = (edited: Record<string, string> | Problem): edited is Problem => typeof edited["error"] === "number";

/** Changes settings by a compare-and-set on their node: of two who change at once, neither is lost (RELIABILITY C-15). */
export async function changeConfig(
  cluster: Cluster,
  target: ConfigTarget,
  edit: ConfigEdit,
  options: { validateOnly: boolean },
): Promise<Problem> {
  for (let attempt = 0; attempt < limits.transactionTriesMax; attempt++) {
    const { image } = cluster;
    const missing = problemWithTarget(image, target);
    if (missing) return missing;
    const before = configOf(image, target);
    const edited = edit(before?.settings ?? {});
    if (isProblem(edited)) return edited;
    if (options.validateOnly) return { error: ErrorCode.NONE, message: "" };
    const outcome = await cluster.transact(operations(image, target, before, edited));
    if (outcome.is === "unanswered") return outcome;
    const revision = outcome.is === "done" ? outcome.revision : image.revision + 1;
    await cluster.reached(revision, { timeoutMs: limits.ownImageTimeoutMs });
    if (outcome.is === "done") return { error: ErrorCode.NONE, message: "" };
  }
  return { error: ErrorCode.REQUEST_TIMED_OUT, message: "The settings changed too fast." };
}

function problemWithTarget(image: ClusterImage, target: ConfigTarget): Problem | null {
  const wrongName = target.is === "topic" && target.name !== "" ? problemWithTopicName(target.name) : null;
  if (wrongName !== null) return { error: ErrorCode.INVALID_TOPIC_EXCEPTION, message: wrongName };
  if (target.is === "topic" && target.name === "")
    return { error: ErrorCode.INVALID_REQUEST, message: "Settings can't be made for all topics at once." };
  if (target.is === "topic" && !image.topics.has(target.name))
    return { error: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, message: `The topic '${target.name}' does not exist.` };
  if (target.is === "broker" && !image.known.has(target.id))
    return { error: ErrorCode.INVALID_REQUEST, message: `No broker with id ${target.id} is registered.` };
  return null;
}

function configOf(image: ClusterImage, target: ConfigTarget): ConfigImage | undefined {
  if (target.is === "topic") return image.topicConfigs.get(target.name);
  return image.brokerConfigs.get(target.is === "broker" ? String(target.id) : ALL_BROKERS);
}

function operations(
  image: ClusterImage,
  target: ConfigTarget,
  before: ConfigImage | undefined,
  settings: Record<string, string>,
): Operation[] {
  const data = encode(settings);
  const path =
    target.is === "topic"
      ? paths.topicConfig(target.name)
      : paths.brokerConfig(target.is === "broker" ? target.id : ALL_BROKERS);
  const write: Operation = before ? { is: "set", path, data, version: before.version } : { is: "create", path, data };
  if (target.is !== "topic") return [write];
  const { name, version } = image.topics.get(target.name)!;
  return [{ is: "check", path: paths.topic(name), version }, write];
}
