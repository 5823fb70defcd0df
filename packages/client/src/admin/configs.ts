import { DescribeConfigsApi, IncrementalAlterConfigsApi } from "@odradek/protocol";
import type { Cluster } from "../cluster/cluster.ts";
import { groupedBy } from "../cluster/offsets.ts";
import { orThrow } from "../errors.ts";

export type ResourceType = "topic" | "broker";
/** A topic by its name, a broker by its id; broker "" stands for the defaults of all brokers. */
export type Resource = { readonly type: ResourceType; readonly name: string };

const typeCodes: { readonly [type in ResourceType]: number } = { topic: 2, broker: 4 };
const typeNames: ReadonlyMap<number, ResourceType> = new Map(
  Object.entries(typeCodes).map(([name, code]) => [code, name as ResourceType]),
);

const sources = {
  0: "unknown",
  1: "topic",
  2: "dynamic broker",
  3: "dynamic default broker",
  4: "static broker",
  5: "default",
  6: "broker logger",
  7: "client metrics",
  8: "group",
} as const;
export type ConfigSource = (typeof sources)[keyof typeof sources];

const sourceOf = (code: number): ConfigSource => sources[code as keyof typeof sources] ?? "unknown";

export type Config = {
  readonly name: string;
  /** Null when sensitive or unset. */
  readonly value: string | null;
  readonly source: ConfigSource;
  readonly isDefault: boolean;
  readonly isReadOnly: boolean;
  readonly isSensitive: boolean;
  readonly documentation: string | null;
};

export type ResourceConfigs = Resource & { readonly configs: readonly Config[] };

export type ConfigChange = Resource & {
  readonly set?: { readonly [name: string]: string };
  /** Back to the default. */
  readonly unset?: readonly string[];
};

const SET = 0;
const DELETE = 1;

/** A broker answers for itself only; everything else can be asked of any broker. */
function byBroker<T extends Resource>(resources: readonly T[]): Map<number | null, T[]> {
  return groupedBy(resources, ({ type, name }) => (type === "broker" && name !== "" ? Number(name) : null));
}

export async function describeConfigs(cluster: Cluster, resources: readonly Resource[]): Promise<ResourceConfigs[]> {
  if (cluster.known === null) await cluster.refresh([]);
  const answers = await Promise.all(
    [...byBroker(resources)].map(async ([broker, mine]) => {
      const asked = mine.map(({ type, name }) => ({
        resourceType: typeCodes[type],
        resourceName: name,
        configurationKeys: null,
      }));
      const request = (version: number): { resources: typeof asked; includeDocumentation?: boolean } =>
        version >= 3 ? { resources: asked, includeDocumentation: true } : { resources: asked };
      const answer =
        broker === null
          ? await cluster.sendToAny(DescribeConfigsApi, request)
          : await cluster.send(broker, DescribeConfigsApi, request);
      return answer.results;
    }),
  );
  return answers.flat().map(({ resourceType, resourceName: name, errorCode, errorMessage, configs }) => {
    const type = typeNames.get(resourceType) ?? "topic";
    orThrow(errorCode, `${type} ${name}`, errorMessage);
    return {
      type,
      name,
      configs: configs.map((config) => ({
        name: config.name,
        value: config.value,
        source: sourceOf(config.configSource),
        isDefault: config.configSource === 5,
        isReadOnly: config.readOnly,
        isSensitive: config.isSensitive,
        documentation: config.documentation === "" ? null : config.documentation,
      })),
    };
  });
}

export async function alterConfigs(cluster: Cluster, changes: readonly ConfigChange[]): Promise<void> {
  if (cluster.known === null) await cluster.refresh([]);
  const answers = await Promise.all(
    [...byBroker(changes)].map(async ([broker, mine]) => {
      const resources = mine.map(({ type, name, set = {}, unset = [] }) => ({
        resourceType: typeCodes[type],
        resourceName: name,
        configs: [
          ...Object.entries(set).map(([config, value]) => ({ name: config, configOperation: SET, value })),
          ...unset.map((config) => ({ name: config, configOperation: DELETE, value: null })),
        ],
      }));
      const request = { resources, validateOnly: false };
      const answer =
        broker === null
          ? await cluster.sendToController(IncrementalAlterConfigsApi, request)
          : await cluster.send(broker, IncrementalAlterConfigsApi, request);
      return answer.responses;
    }),
  );
  for (const { resourceType, resourceName, errorCode, errorMessage } of answers.flat()) {
    orThrow(errorCode, `${typeNames.get(resourceType) ?? resourceType} ${resourceName}`, errorMessage);
  }
}
