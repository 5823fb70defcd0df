import { ErrorCode } from "@odradek/protocol";
import {
  brokerConfig,
  type ConfigDefinition,
  type ConfigLayers,
  brokerStatements,
  listOf,
  problemWith,
  problemWithLags,
  problemWithTopicConfigs,
  topicConfig,
  topicStatements,
} from "../config.ts";
import type { ConfigTarget } from "../controller/change-config.ts";
import type { Problem } from "../controller/create-topic.ts";

export type ConfigChange = { name: string; configOperation: number; value: string | null };

/** Kafka's numbers for what is done to one setting (KIP-339). */
export const ConfigOperation = { set: 0, delete: 1, append: 2, subtract: 3 } as const;

const invalid = (message: string): Problem => ({ error: ErrorCode.INVALID_REQUEST, message });

/** Why these settings can't be made for this resource; null when they can. */
export function problemWithEdit(
  target: ConfigTarget,
  settings: Readonly<Record<string, string | null>>,
): Problem | null {
  if (target.is === "topic") {
    const message = problemWithTopicConfigs(settings);
    return message === null ? null : { error: ErrorCode.INVALID_CONFIG, message };
  }
  for (const [name, value] of Object.entries(settings)) {
    const definition = brokerConfig.get(name);
    if (!definition) return { error: ErrorCode.INVALID_CONFIG, message: `Unknown broker config name: ${name}` };
    if (!definition.dynamic) return invalid(`Cannot update these configs dynamically: [${name}]`);
    const problem = value === null ? `Null value not supported for ${name}` : problemWith(definition, value);
    if (problem) return { error: ErrorCode.INVALID_CONFIG, message: problem };
  }
  return null;
}

/** The settings after single changes, or why one of them can't be made. `layers` give the value that a list starts from. */
export function applyChanges(
  target: ConfigTarget,
  before: Readonly<Record<string, string>>,
  changes: readonly ConfigChange[],
  layers: Omit<ConfigLayers, "topic">,
): Record<string, string> | Problem {
  const names = changes.map(({ name }) => name);
  const repeated = names.find((name, at) => names.indexOf(name) !== at);
  if (repeated !== undefined) return invalid(`Error due to duplicate config keys: ${repeated}`);
  const after: Record<string, string> = { ...before };
  const made: Record<string, string> = {};
  for (const { name, configOperation, value } of changes) {
    if (configOperation === ConfigOperation.delete) {
      delete after[name];
      continue;
    }
    if (value === null) return invalid(`Null value not supported for : ${name}`);
    const definition = target.is === "topic" ? topicConfig.get(name) : brokerConfig.get(name);
    const changed = definition
      ? changedValue(definition, configOperation, value, after[name] ?? inherited(name, target, layers))
      : value;
    if (typeof changed !== "string") return changed;
    made[name] = changed;
  }
  const edited = { ...after, ...made };
  return problemWithEdit(target, made) ?? problemTogether(target, edited) ?? edited;
}

/** Each setting may be right, and what it meets among those made before does not fit it. */
function problemTogether(target: ConfigTarget, settings: Readonly<Record<string, string>>): Problem | null {
  const message = target.is === "topic" ? problemWithLags(settings) : null;
  return message === null ? null : { error: ErrorCode.INVALID_CONFIG, message };
}

function changedValue(
  definition: ConfigDefinition,
  operation: number,
  value: string,
  current: string,
): string | Problem {
  if (operation === ConfigOperation.set) return value;
  const isAppend = operation === ConfigOperation.append;
  if (!isAppend && operation !== ConfigOperation.subtract) return invalid(`Unsupported operation ${operation}.`);
  if (definition.type !== "list")
    return {
      error: ErrorCode.INVALID_CONFIG,
      message: `Can't ${isAppend ? "APPEND" : "SUBTRACT"} to key ${definition.name} because its type is not LIST.`,
    };
  const items = listOf(current);
  const named = listOf(value);
  if (isAppend) return [...items, ...named.filter((item) => !items.includes(item))].join(",");
  return items.filter((item) => !named.includes(item)).join(",");
}

/** What a list holds before anything was changed on the resource itself. */
function inherited(name: string, target: ConfigTarget, layers: Omit<ConfigLayers, "topic">): string {
  if (target.is !== "topic") return brokerStatements(name, { ...layers, broker: {}, brokers: {} })[0]?.value ?? "";
  return topicStatements(topicConfig.get(name)!, { topic: {}, ...layers })[0]?.value ?? "";
}
