import { brokerConfig, brokerConfigs } from "./broker-configs.ts";
import { ConfigError, problemWith } from "./definition.ts";

export type ConfigSources = {
  /** Text of a .properties file. */
  file?: string;
  /** KAFKA_LOG_RETENTION_MS, KAFKA_CFG_LOG_RETENTION_MS; our own names also without the prefix: ODRADEK_GRPC_LISTENER. */
  environment?: Record<string, string | undefined>;
  /** "name=value" pairs from the command line. They win over the environment, which wins over the file. */
  settings?: readonly string[];
};

/** Kafka's older name for a setting, and the one used here. */
const renamed: ReadonlyMap<string, string> = new Map([["broker.id", "node.id"]]);

/** Variables that Kafka's scripts and images read and that say nothing about the broker's configuration. */
const notOurs =
  /^KAFKA_(HEAP_OPTS|OPTS|JMX_.*|JVM_.*|GC_.*|LOG4J_.*|VERSION|HOME|HEAP|DEBUG|BOOTSTRAP|BROKERS?|.*_PORT(_.*)?|.*_SERVICE_(HOST|PORT)(_.*)?)$/;

/**
 * The settings somebody made, by name, values checked against the table. Unknown names in the file and in KAFKA_*
 * variables are only warned about (one warning each source), so that a configuration made for Kafka can be used.
 * Throws ConfigError with one line per bad value, naming key, value and what is allowed.
 */
export function readSettings(sources: ConfigSources): { settings: ReadonlyMap<string, string>; warnings: string[] } {
  const settings = new Map<string, string>();
  const warnings: string[] = [];
  const problems: string[] = [];
  const take = (name: string, value: string): boolean => {
    const known = renamed.get(name) ?? name;
    const definition = brokerConfig.get(known);
    if (!definition) return false;
    const problem = problemWith(definition, value);
    if (problem) problems.push(problem);
    settings.set(known, value.trim());
    return true;
  };

  const unknown = [...parseProperties(sources.file ?? "")].filter(([name, value]) => !take(name, value));
  if (unknown.length > 0) warnings.push(`unknown settings in the file: ${unknown.map(([name]) => name).join(", ")}`);
  const strangers = fromEnvironment(sources.environment ?? {}, take);
  if (strangers.length > 0) warnings.push(`unknown settings in the environment: ${strangers.join(", ")}`);
  for (const setting of sources.settings ?? []) {
    const at = setting.indexOf("=");
    if (at < 1) problems.push(`Invalid setting ${setting}: expected NAME=VALUE`);
    else if (!take(setting.slice(0, at).trim(), setting.slice(at + 1)))
      problems.push(`Unknown setting ${setting.slice(0, at)}: it is not in the table of broker settings`);
  }
  if (problems.length > 0) throw new ConfigError(problems.join("\n"));
  return { settings, warnings };
}

function fromEnvironment(
  environment: Record<string, string | undefined>,
  take: (name: string, value: string) => boolean,
): string[] {
  const names = new Map(
    [...brokerConfigs.map(({ name }) => name), ...renamed.keys()].map((name) => [variable(name), name]),
  );
  const unknown: string[] = [];
  for (const [key, value] of Object.entries(environment)) {
    if (value === undefined) continue;
    const bare = key.replace(/^KAFKA_(CFG_)?/, "");
    const name = names.get(bare);
    if (name !== undefined && (bare !== key || bare.startsWith("ODRADEK_"))) take(name, value);
    else if (bare !== key && !notOurs.test(key)) unknown.push(key);
  }
  return unknown.toSorted();
}

const variable = (name: string): string => name.toUpperCase().replace(/[.-]/g, "_");

/** Reads Java's .properties form: `key=value`, `key: value`, comments with # or !, lines continued with a backslash. */
export function parseProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>();
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  for (let at = 0; at < lines.length; at++) {
    let line = lines[at]!.trimStart();
    if (line === "" || line.startsWith("#") || line.startsWith("!")) continue;
    while (/(^|[^\\])(\\\\)*\\$/.test(line) && at + 1 < lines.length)
      line = line.slice(0, -1) + lines[++at]!.trimStart();
    const parts = /^((?:\\.|[^\\=:\s])*)\s*[=:]?\s*(.*)$/.exec(line);
    if (parts) properties.set(unescaped(parts[1]!), unescaped(parts[2]!).trimEnd());
  }
  return properties;
}

const control: Record<string, string> = { n: "\n", t: "\t", r: "\r", f: "\f" };

const unescaped = (text: string): string =>
  text.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/g, (_, code: string | undefined, letter: string) =>
    code ? String.fromCharCode(Number.parseInt(code, 16)) : (control[letter] ?? letter),
  );
