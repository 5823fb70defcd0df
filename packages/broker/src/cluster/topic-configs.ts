import { type ConfigLayers, resolveTopicConfig, type TopicConfig } from "../config.ts";
import type { ClusterImage } from "./image.ts";

const NO_SETTINGS = {};

/** Settings of topics, resolved once for each time that somebody states others: elections ask for those of thousands of partitions. */
export class TopicConfigs {
  #brokerConfigs: ClusterImage["brokerConfigs"] | null = null;
  /** By what a topic itself states; most state nothing, and share one. */
  #resolved = new WeakMap<object, TopicConfig>();

  of(image: ClusterImage, name: string, layers: () => Omit<ConfigLayers, "topic">): TopicConfig {
    if (image.brokerConfigs !== this.#brokerConfigs) this.#resolved = new WeakMap();
    this.#brokerConfigs = image.brokerConfigs;
    const topic = image.topicConfigs.get(name)?.settings ?? NO_SETTINGS;
    const known = this.#resolved.get(topic);
    if (known !== undefined) return known;
    const config = resolveTopicConfig({ topic, ...layers() });
    this.#resolved.set(topic, config);
    return config;
  }
}
