/** The configuration of a broker: one table (DESIGN D11), read once. */
export { type Address, formatAddress, type Listener } from "./config/addresses.ts";
export { type BrokerConfig, brokerConfigFrom, readBrokerConfig } from "./config/broker-config.ts";
export { brokerConfig, brokerConfigs } from "./config/broker-configs.ts";
export {
  type ConfigDefinition,
  ConfigError,
  type ConfigType,
  listOf,
  numberOf,
  problemWith,
} from "./config/definition.ts";
export { type ConfigSources, parseProperties } from "./config/sources.ts";
export {
  brokerStatements,
  type ConfigLayers,
  ConfigSource,
  lists,
  resolveTopicConfig,
  type Settings,
  type Stated,
  type TopicConfig,
  topicStatements,
} from "./config/topic-config.ts";
export {
  problemWithLags,
  problemWithTopicConfigs,
  topicConfig,
  type TopicConfigDefinition,
  topicConfigs,
} from "./config/topic-configs.ts";
