import { AlterConfigsApi } from "@odradek/protocol/messages/alter-configs";
import { DescribeConfigsApi } from "@odradek/protocol/messages/describe-configs";
import { IncrementalAlterConfigsApi } from "@odradek/protocol/messages/incremental-alter-configs";
import { differs } from "../case.ts";

const TOPIC = 2;
const BROKER = 4;
const LOGGER = 8;
const [SET, DELETE, APPEND, SUBTRACT] = [0, 1, 2, 3] as const;

type Change = [name: string, operation: number, value: string | null];

const topicChanges: Record<string, Change[]> = {
  set: [["retention.ms", SET, "1000"]],
  "a wrong value": [["retention.ms", SET, "long"]],
  "too small": [["segment.bytes", SET, "1"]],
  unknown: [["no.such.setting", SET, "1"]],
  "no name": [["", SET, "1"]],
  "no value": [["retention.ms", SET, null]],
  delete: [["retention.ms", DELETE, null]],
  "delete with a value": [["retention.ms", DELETE, "1"]],
  "delete unknown": [["no.such.setting", DELETE, null]],
  append: [["cleanup.policy", APPEND, "compact"]],
  "append what is there": [["cleanup.policy", APPEND, "delete"]],
  "append nonsense": [["cleanup.policy", APPEND, "burn"]],
  "append to no list": [["retention.ms", APPEND, "1"]],
  "append nothing": [["cleanup.policy", APPEND, null]],
  subtract: [["cleanup.policy", SUBTRACT, "delete"]],
  "subtract what is not there": [["cleanup.policy", SUBTRACT, "compact"]],
  "subtract from no list": [["retention.ms", SUBTRACT, "1"]],
  "subtract from unknown": [["no.such.setting", SUBTRACT, "1"]],
  "operation 9": [["retention.ms", 9, "1"]],
  "the same twice": [
    ["retention.ms", SET, "1"],
    ["retention.ms", SET, "2"],
  ],
  "one right, one wrong": [
    ["retention.ms", SET, "1"],
    ["retention.bytes", SET, "x"],
  ],
  "no changes": [],
  "tiered storage": [["remote.storage.enable", SET, "true"]],
  "too many in sync": [["min.insync.replicas", SET, "9"]],
  "a lag above the other": [
    ["min.compaction.lag.ms", SET, "10"],
    ["max.compaction.lag.ms", SET, "5"],
  ],
};

/** What a request changes of one resource. */
const changesOf = (resourceType: number, resourceName: string, changes: readonly Change[]) => ({
  resourceType,
  resourceName,
  configs: changes.map(([name, configOperation, value]) => ({ name, configOperation, value })),
});

export const configCases = [
  differs(DescribeConfigsApi, "topics", async (stage) => {
    const settings = { "retention.ms": "1000", "cleanup.policy": "compact" };
    const topic = await stage.topic("a", { settings });
    const asked = (resourceName: string, names: string[] | null, resourceType = TOPIC) => ({
      resources: [{ resourceType, resourceName, configurationKeys: names }],
      includeSynonyms: false,
    });
    await stage.ask("all", asked(topic, null));
    await stage.ask("one", asked(topic, ["retention.ms"]));
    await stage.ask("none", asked(topic, []));
    await stage.ask("unknown", asked(topic, ["no.such.setting"]));
    await stage.ask("with synonyms", { ...asked(topic, ["retention.ms", "cleanup.policy"]), includeSynonyms: true });
    if (stage.version >= 3)
      await stage.ask("with documentation", { ...asked(topic, ["retention.ms"]), includeDocumentation: true });
    await stage.ask("no such topic", asked(stage.name("none"), null));
    await stage.ask("no legal name", asked("a b", null));
    await stage.ask("no name", asked("", null));
    for (const type of [0, 1, 3, 16, 32, 99]) await stage.ask(`type ${type}`, asked("x", null, type));
    await stage.ask("nothing", { resources: [] });
  }),

  differs(DescribeConfigsApi, "brokers", async (stage) => {
    const asked = (resourceName: string, names: string[] | null, resourceType = BROKER) => ({
      resources: [{ resourceType, resourceName, configurationKeys: names }],
    });
    await stage.ask("another", asked("2", ["num.partitions"]));
    await stage.ask("nobody", asked("99", ["num.partitions"]));
    await stage.ask("no number", asked("one", ["num.partitions"]));
    await stage.ask("all brokers", asked("", null));
    await stage.ask("one setting", asked("1", ["num.partitions"]));
    await stage.ask("unknown", asked("1", ["no.such.setting"]));
    await stage.ask("loggers of nobody", asked("99", null, LOGGER));
    const answer = await stage.system.ask(1, stage.api, stage.version, asked("1", null));
    if (typeof answer === "string") return;
    // Types and whether they can change: of the settings that both know; values are those of two installations.
    const { configs } = answer.results[0]!;
    stage.tell(
      "all settings",
      configs.map(({ name, readOnly, isSensitive, configType }) => ({ name, readOnly, isSensitive, configType })),
    );
  }),

  differs(IncrementalAlterConfigsApi, "topics", async (stage) => {
    const topic = await stage.topic("a");
    const asked = (resourceName: string, changes: Change[], type = TOPIC) => ({
      resources: [changesOf(type, resourceName, changes)],
      validateOnly: true,
    });
    for (const [label, list] of Object.entries(topicChanges)) await stage.ask(label, asked(topic, list));
    await stage.ask("no such topic", asked(stage.name("none"), [["retention.ms", SET, "1"]]));
    await stage.ask("no legal topic name", asked("a b", [["retention.ms", SET, "1"]]));
    await stage.ask("no topic name", asked("", [["retention.ms", SET, "1"]]));
    for (const type of [0, 1, 8, 16, 32, 99])
      await stage.ask(`type ${type}`, asked("x", [["retention.ms", SET, "1"]], type));
    const one = asked(topic, [["retention.ms", SET, "1"]]).resources[0]!;
    await stage.ask("the same topic twice", { resources: [one, one], validateOnly: true });
    await stage.ask("nothing", { resources: [], validateOnly: true });
  }),

  differs(IncrementalAlterConfigsApi, "topics, in earnest", async (stage) => {
    const topic = await stage.topic("a");
    const asked = (...changes: Change[]) => ({ resources: [changesOf(TOPIC, topic, changes)], validateOnly: false });
    const described = async (label: string) =>
      stage.until(label, async () => {
        const { results } = await stage.call(DescribeConfigsApi, 4, {
          resources: [
            { resourceType: TOPIC, resourceName: topic, configurationKeys: ["retention.ms", "cleanup.policy"] },
          ],
        });
        const isThere = JSON.stringify(results).includes("5000") === (label === "made");
        if (isThere) stage.tell(label, results);
        return isThere;
      });
    await stage.ask("there", asked(["retention.ms", SET, "5000"], ["cleanup.policy", APPEND, "compact"]));
    await described("made");
    await stage.ask("back", asked(["retention.ms", DELETE, null], ["cleanup.policy", SUBTRACT, "delete"]));
    await described("gone");
  }),

  differs(IncrementalAlterConfigsApi, "brokers", async (stage) => {
    const asked = (resourceName: string, changes: Change[]) => ({
      resources: [changesOf(BROKER, resourceName, changes)],
      validateOnly: true,
    });
    const changes: Record<string, Change[]> = {
      set: [["log.retention.ms", SET, "1000"]],
      "a wrong value": [["log.retention.ms", SET, "long"]],
      unknown: [["no.such.setting", SET, "1"]],
      "read-only": [["log.dirs", SET, "/x"]],
      "read-only, deleted": [["log.dirs", DELETE, null]],
      "no value": [["log.retention.ms", SET, null]],
      "append to no list": [["log.retention.ms", APPEND, "1"]],
    };
    for (const [label, list] of Object.entries(changes)) {
      await stage.ask(`${label}: all brokers`, asked("", list));
      await stage.ask(`${label}: broker 1`, asked("1", list));
      await stage.ask(`${label}: broker 2`, asked("2", list));
      await stage.ask(`${label}: nobody`, asked("99", list));
      await stage.ask(`${label}: no number`, asked("one", list));
    }
  }),

  differs(AlterConfigsApi, "topics", async (stage) => {
    const topic = await stage.topic("a");
    const asked = (resourceName: string, settings: Record<string, string | null>, resourceType = TOPIC) => ({
      resources: [
        { resourceType, resourceName, configs: Object.entries(settings).map(([name, value]) => ({ name, value })) },
      ],
      validateOnly: true,
    });
    await stage.ask("set", asked(topic, { "retention.ms": "1" }));
    await stage.ask("a wrong value", asked(topic, { "retention.ms": "x" }));
    await stage.ask("unknown", asked(topic, { "no.such.setting": "x" }));
    await stage.ask("no value", asked(topic, { "retention.ms": null }));
    await stage.ask("nothing set", asked(topic, {}));
    await stage.ask("no such topic", asked(stage.name("none"), { "retention.ms": "1" }));
    await stage.ask("a broker", asked("1", { "log.retention.ms": "1" }, BROKER));
    await stage.ask("a logger", asked("1", { kafka: "INFO" }, LOGGER));
    const one = asked(topic, { "retention.ms": "1" }).resources[0]!;
    await stage.ask("twice", { resources: [one, one], validateOnly: true });
  }),
];
