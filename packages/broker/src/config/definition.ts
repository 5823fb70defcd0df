/** Kafka's value types, as DescribeConfigs names them. */
export type ConfigType = "boolean" | "string" | "int" | "short" | "long" | "double" | "list" | "class" | "password";

/** One row of the configuration table (DESIGN D11): the parser, DescribeConfigs, the docs and `--help` are derived from it. */
export type ConfigDefinition = {
  name: string;
  type: ConfigType;
  /** As it would stand in a file; null: unset. */
  default: string | null;
  unit: "ms" | "s" | "min" | "h" | "bytes" | "records" | "messages" | null;
  /** topic: per topic, the broker's synonym is its default. cluster: must be the same on every broker. broker: each for itself. */
  scope: "topic" | "broker" | "cluster";
  /** May be changed while the broker runs (AlterConfigs on a broker). */
  dynamic: boolean;
  doc: string;
  atLeast?: number;
  atMost?: number;
  oneOf?: readonly string[];
  /** For shapes that the fields above can't say: what is wrong, or null. */
  check?: (value: string) => string | null;
};

/** A value that can't be used. The message names the key, the value and what is allowed. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

const integerRange = {
  short: { name: "SHORT", max: 32767 },
  int: { name: "INT", max: 2147483647 },
  long: { name: "LONG", max: Infinity },
} as const;

/** 2^63 - 1: Kafka's way of saying "no bound". */
export const UNBOUNDED = "9223372036854775807";

/** The number a text stands for; numbers beyond what can be counted exactly are "no bound": Infinity. */
export function numberOf(text: string): number {
  const value = Number(text.trim());
  return value > Number.MAX_SAFE_INTEGER ? Infinity : value;
}

export const listOf = (text: string): string[] =>
  text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");

/** What is wrong with `value`, in a sentence that names the key, the value and what is allowed; null when it is fine. */
export function problemWith(definition: ConfigDefinition, value: string): string | null {
  const invalid = (shown: string, why: string): string =>
    `Invalid value ${shown} for configuration ${definition.name}: ${why}`;
  const { type, oneOf } = definition;
  if (type === "boolean" && !/^(true|false)$/i.test(value.trim()))
    return invalid(value, "Expected value to be either true or false");
  if (type === "int" || type === "short" || type === "long" || type === "double") {
    const why = numberProblem(definition, value.trim());
    return why === null ? null : invalid(value, why);
  }
  for (const item of oneOf ? (type === "list" ? listOf(value) : [value]) : [])
    if (!oneOf!.includes(item)) return invalid(item, `String must be one of: ${oneOf!.join(", ")}`);
  const why = definition.check?.(value) ?? null;
  return why === null ? null : invalid(value, why);
}

function numberProblem(definition: ConfigDefinition, value: string): string | null {
  if (definition.type === "double") {
    if (value === "" || !Number.isFinite(Number(value))) return "Not a number of type DOUBLE";
  } else {
    const { name, max } = integerRange[definition.type as keyof typeof integerRange];
    if (!/^[+-]?\d{1,19}$/.test(value)) return `Not a number of type ${name}`;
    if (BigInt(value) > 2n ** 63n - 1n || Math.abs(Number(value)) > max) return `Not a number of type ${name}`;
  }
  const { atLeast, atMost, oneOf } = definition;
  const number = Number(value);
  if (atLeast !== undefined && number < atLeast) return `Value must be at least ${atLeast}`;
  if (atMost !== undefined && number > atMost) return `Value must be no more than ${atMost}`;
  if (oneOf && !oneOf.includes(value)) return `Value must be one of: ${oneOf.join(", ")}`;
  return null;
}
