import { VirtualClock } from "@odradek/kit/testing";
import { ErrorCode } from "@odradek/protocol";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createTopic } from "../controller/create-topic.ts";
import { MemoryTree } from "../testing/memory-session.ts";
import { passUntil, startTestPair, type TestCluster } from "../testing/test-cluster.ts";
import { alter as alterAll } from "./alter-configs.ts";
import { describe as describeConfigs } from "./describe-configs.ts";
import { alter } from "./incremental-alter-configs.ts";

let clock: VirtualClock;
let tree: MemoryTree;
let one: TestCluster;
let two: TestCluster;

const parts = () => ({ cluster: one.cluster });

beforeEach(async () => {
  clock = new VirtualClock();
  tree = new MemoryTree(clock);
  [one, two] = await startTestPair(tree, clock);
});

afterEach(async () => {
  await Promise.all([one, two].map(({ cluster }) => cluster.close()));
});

describe("configurations", () => {
  const TOPIC = 2;
  const BROKER = 4;
  const read = async (resourceType: number, resourceName: string, keys: string[] | null = null) => {
    const resources = [{ resourceType, resourceName, configurationKeys: keys }];
    return (await describeConfigs(parts(), { resources, includeSynonyms: true, includeDocumentation: true }))
      .results[0]!;
  };
  const change = async (resourceType: number, resourceName: string, ...configs: [string, number, string | null][]) => {
    const changes = configs.map(([name, configOperation, value]) => ({ name, configOperation, value }));
    return (
      await alter(parts(), { resources: [{ resourceType, resourceName, configs: changes }], validateOnly: false })
    ).responses[0]!;
  };
  const value = async (name: string) => (await read(TOPIC, "words", [name])).configs[0]!.value;

  beforeEach(async () => {
    await createTopic(one.cluster, { name: "words", partitions: 1, replicationFactor: 1, configs: {} });
  });

  test("every topic setting is described, with default, source, synonyms, type and doc", async () => {
    const { configs } = await read(TOPIC, "words");
    expect(configs).toHaveLength(33);
    expect(configs.every(({ documentation, configType }) => documentation !== "" && configType! > 0)).toBe(true);
    expect(configs.find(({ name }) => name === "max.message.bytes")).toMatchObject({
      value: "1048588",
      configSource: 5,
      readOnly: false,
      configType: 3,
      synonyms: [{ name: "message.max.bytes", value: "1048588", source: 5 }],
    });
    expect((await read(TOPIC, "nope")).errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  });

  test("a broker describes itself and nobody else; loggers have nothing", async () => {
    const { configs } = await read(BROKER, "1");
    expect(configs.find(({ name }) => name === "node.id")).toMatchObject({
      value: "1",
      configSource: 4,
      readOnly: true,
    });
    expect(configs.find(({ name }) => name === "log.retention.ms")).toMatchObject({ value: null, readOnly: false });
    expect((await read(BROKER, "2")).errorCode).toBe(ErrorCode.INVALID_REQUEST);
    expect((await read(BROKER, "")).configs).toEqual([]);
    expect(await read(8, "1")).toMatchObject({ errorCode: 0, configs: [] });
  });

  test("set, delete, append and subtract", async () => {
    expect(
      (await change(TOPIC, "words", ["retention.ms", 0, "1000"], ["cleanup.policy", 2, "compact"])).errorCode,
    ).toBe(0);
    expect(await value("retention.ms")).toBe("1000");
    expect(await value("cleanup.policy")).toBe("delete,compact");
    await change(TOPIC, "words", ["cleanup.policy", 3, "delete"], ["retention.ms", 1, null]);
    expect(await value("cleanup.policy")).toBe("compact");
    expect(await value("retention.ms")).toBe("604800000");
    expect(one.cluster.image.topicConfigs.get("words")!.settings).toEqual({ "cleanup.policy": "compact" });
  });

  test.each<[string, number, string, [string, number, string | null][], number]>([
    ["an unknown setting", TOPIC, "words", [["nope", 0, "1"]], ErrorCode.INVALID_CONFIG],
    ["a bad value", TOPIC, "words", [["retention.ms", 0, "x"]], ErrorCode.INVALID_CONFIG],
    ["appending to a number", TOPIC, "words", [["retention.ms", 2, "1"]], ErrorCode.INVALID_CONFIG],
    [
      "one setting twice",
      TOPIC,
      "words",
      [
        ["retention.ms", 0, "1"],
        ["retention.ms", 0, "2"],
      ],
      ErrorCode.INVALID_REQUEST,
    ],
    ["null", TOPIC, "words", [["retention.ms", 0, null]], ErrorCode.INVALID_REQUEST],
    ["a topic that is not there", TOPIC, "nope", [["retention.ms", 0, "1"]], ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
    ["a broker setting that is read once", BROKER, "1", [["num.partitions", 0, "1"]], ErrorCode.INVALID_REQUEST],
    ["a broker that is not there", BROKER, "7", [["log.retention.ms", 0, "1"]], ErrorCode.INVALID_REQUEST],
  ])("%s is refused and nothing is changed", async (_, type, name, changes, errorCode) => {
    const { revision } = tree;
    expect((await change(type, name, ...changes)).errorCode).toBe(errorCode);
    expect(tree.revision).toBe(revision);
  });

  test("a broker's settings are defaults of its topics; one for all brokers comes after one for this broker", async () => {
    await change(BROKER, "", ["log.retention.ms", 0, "200"]);
    expect(await value("retention.ms")).toBe("200");
    await change(BROKER, "1", ["log.retention.ms", 0, "100"]);
    const { synonyms } = (await read(TOPIC, "words", ["retention.ms"])).configs[0]!;
    expect(synonyms.map((one) => [one.value, one.source])).toEqual([
      ["100", 2],
      ["200", 3],
      ["168", 5],
    ]);
    expect((await read(BROKER, "")).configs.map(({ name }) => name)).toEqual(["log.retention.ms"]);
  });

  test("AlterConfigs replaces everything", async () => {
    await change(TOPIC, "words", ["retention.ms", 0, "1000"]);
    const configs = [{ name: "segment.ms", value: "5" }];
    await alterAll(parts(), {
      resources: [{ resourceType: TOPIC, resourceName: "words", configs }],
      validateOnly: false,
    });
    expect(one.cluster.image.topicConfigs.get("words")!.settings).toEqual({ "segment.ms": "5" });
  });

  test("C-15: of two changes at once neither is lost", async () => {
    const changes = Array.from({ length: 8 }, (_, at) => ({
      cluster: (at % 2 ? one : two).cluster,
      name: [
        "retention.ms",
        "segment.ms",
        "flush.ms",
        "delete.retention.ms",
        "file.delete.delay.ms",
        "retention.bytes",
        "max.message.bytes",
        "index.interval.bytes",
      ][at]!,
    }));
    await passUntil(clock, () => two.cluster.image.topics.has("words"));
    await Promise.all(
      changes.map(({ cluster, name }) =>
        alter(
          { cluster },
          {
            resources: [
              { resourceType: TOPIC, resourceName: "words", configs: [{ name, configOperation: 0, value: "7" }] },
            ],
            validateOnly: false,
          },
        ),
      ),
    );
    await passUntil(clock, () => one.cluster.image.revision === tree.revision);
    expect(Object.keys(one.cluster.image.topicConfigs.get("words")!.settings)).toHaveLength(8);
  });
});
