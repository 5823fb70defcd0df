import type { DescribeConfigsApi, ResponseDraft } from "@odradek/protocol";
import {
  brokerConfigs,
  type ConfigDefinition,
  type ConfigLayers,
  ConfigSource,
  type ConfigType,
  type Stated,
  brokerStatements,
  topicConfigs,
  topicStatements,
} from "../config.ts";

type Entry = ResponseDraft<typeof DescribeConfigsApi>["results"][number]["configs"][number];

export type EntryOptions = {
  /** Null: all. */
  names: readonly string[] | null;
  withSynonyms: boolean;
  withDocumentation: boolean;
};

/** Kafka's numbers for types (DescribeConfigs). */
const typeNumbers: Record<ConfigType, number> = {
  boolean: 1,
  string: 2,
  int: 3,
  short: 4,
  long: 5,
  double: 6,
  list: 7,
  class: 8,
  password: 9,
};

const isAsked = ({ names }: EntryOptions, name: string): boolean => names === null || names.includes(name);

/** A topic's settings: every one there is, with where its value comes from. */
export function topicEntries(layers: ConfigLayers, options: EntryOptions): Entry[] {
  return topicConfigs
    .filter(({ name }) => isAsked(options, name))
    .map((definition) => entry(definition, topicStatements(definition, layers), options));
}

/** A broker's settings. Those that can't change while it runs are read-only. */
export function brokerEntries(layers: Omit<ConfigLayers, "topic">, options: EntryOptions): Entry[] {
  return brokerConfigs
    .filter(({ name }) => isAsked(options, name))
    .map((definition) => entry(definition, brokerStatements(definition.name, layers), options));
}

/** Only the settings made for all brokers while they ran: what Kafka answers for the broker named "". */
export function dynamicDefaultEntries(layers: Omit<ConfigLayers, "topic">, options: EntryOptions): Entry[] {
  const made = { broker: {}, brokers: layers.brokers, static: new Map<string, string>() };
  return brokerEntries(made, options).filter(({ configSource }) => configSource === ConfigSource.dynamicDefault);
}

function entry(definition: ConfigDefinition, stated: readonly Stated[], options: EntryOptions): Entry {
  const [effective] = stated;
  return {
    name: definition.name,
    value: effective?.value ?? null,
    readOnly: !definition.dynamic,
    configSource: effective?.source ?? ConfigSource.default,
    isSensitive: definition.type === "password",
    synonyms: options.withSynonyms ? stated.map(({ name, stated: value, source }) => ({ name, value, source })) : [],
    configType: typeNumbers[definition.type],
    documentation: options.withDocumentation ? definition.doc : null,
  };
}
