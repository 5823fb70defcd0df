import type { Operation, Znode } from "@odradek/metadata/client";
import { VirtualClock } from "@odradek/kit/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MemoryTree } from "../testing/memory-session.ts";
import { type ClusterImage, imageOf, nextImage } from "./image.ts";
import { encode, paths } from "./nodes.ts";

const topicNames = ["words", "orders.v1", "__consumer_offsets"];
const brokerIds = [1, 2, 3];

const name = fc.constantFrom(...topicNames);
const id = fc.constantFrom(...brokerIds);
const index = fc.integer({ min: 0, max: 11 });
const partitionNode = fc.record({
  replicas: fc.uniqueArray(id, { minLength: 1 }),
  leader: fc.constantFrom(-1, ...brokerIds),
  leaderEpoch: fc.nat(5),
  isr: fc.uniqueArray(id, { minLength: 1 }),
});

const brokerNode = (broker: number, incarnation: string, shuttingDown: boolean): Buffer =>
  encode({
    endpoints: [{ name: "PLAINTEXT", host: "h", port: 9091 + broker }],
    grpc: "h:1",
    rack: null,
    incarnation,
    shuttingDown,
    since: 0,
  });

/** Writes whether or not the node is there; whatever the tree refuses changes nothing. */
const transaction: fc.Arbitrary<Operation[]> = fc.oneof(
  fc
    .tuple(name, fc.integer({ min: 1, max: 12 }), partitionNode, fc.uuid())
    .map(([topic, count, node, topicId]): Operation[] => [
      { is: "create", path: paths.topic(topic), data: encode({ id: topicId }) },
      { is: "create", path: paths.partitions(topic), data: Buffer.alloc(0) },
      ...Array.from({ length: count }, (_, at): Operation => ({
        is: "create",
        path: paths.partition(topic, at),
        data: encode(node),
      })),
    ]),
  name.map((topic): Operation[] => [{ is: "delete", path: paths.topic(topic), version: "any", recursive: true }]),
  fc.tuple(name, partitionNode, fc.uuid()).map(([topic, node, topicId]): Operation[] => [
    { is: "delete", path: paths.topic(topic), version: "any", recursive: true },
    { is: "create", path: paths.topic(topic), data: encode({ id: topicId }) },
    { is: "create", path: paths.partitions(topic), data: Buffer.alloc(0) },
    { is: "create", path: paths.partition(topic, 0), data: encode(node) },
  ]),
  fc
    .tuple(name, index, partitionNode)
    .map(([topic, at, node]): Operation[] => [
      { is: "set", path: paths.partition(topic, at), data: encode(node), version: "any" },
    ]),
  fc
    .tuple(name, index, partitionNode)
    .map(([topic, at, node]): Operation[] => [{ is: "create", path: paths.partition(topic, at), data: encode(node) }]),
  fc
    .tuple(name, index)
    .map(([topic, at]): Operation[] => [{ is: "delete", path: paths.partition(topic, at), version: "any" }]),
  fc
    .tuple(name, index)
    .map(([topic, at]): Operation[] => [
      { is: "set", path: paths.partition(topic, at), data: Buffer.from("not json"), version: "any" },
    ]),
  fc.tuple(id, fc.uuid()).map(([broker, incarnation]): Operation[] => [
    { is: "create", path: paths.liveBroker(broker), data: brokerNode(broker, incarnation, false), ephemeral: true },
    { is: "create", path: paths.knownBroker(broker), data: brokerNode(broker, incarnation, false) },
  ]),
  fc.tuple(id, fc.uuid(), fc.boolean()).map(([broker, incarnation, stopping]): Operation[] => [
    { is: "set", path: paths.liveBroker(broker), data: brokerNode(broker, incarnation, stopping), version: "any" },
    { is: "set", path: paths.knownBroker(broker), data: brokerNode(broker, incarnation, stopping), version: "any" },
  ]),
  id.map((broker): Operation[] => [{ is: "delete", path: paths.liveBroker(broker), version: "any" }]),
  fc
    .tuple(name, fc.nat(9))
    .map(([topic, ms]): Operation[] => [
      { is: "create", path: paths.topicConfig(topic), data: encode({ "retention.ms": String(ms) }) },
    ]),
  name.map((topic): Operation[] => [{ is: "delete", path: paths.topicConfig(topic), version: "any" }]),
  id.map((broker): Operation[] => [
    { is: "create", path: paths.controller, data: encode({ broker, incarnation: "i" }) },
  ]),
  fc.constant<Operation[]>([{ is: "delete", path: paths.controller, version: "any" }]),
  fc
    .nat(9)
    .map((epoch): Operation[] => [{ is: "set", path: paths.controllerEpoch, data: encode({ epoch }), version: "any" }]),
);

/** Everything in an image, in an order that does not depend on how it came about. */
function plain(image: ClusterImage): unknown {
  const sorted = (map: ReadonlyMap<string | number, unknown>): unknown[] =>
    [...map].sort(([one], [other]) => (String(one) < String(other) ? -1 : 1));
  return Object.fromEntries(
    Object.entries(image).map(([key, value]) => [
      key,
      value instanceof Object && "entries" in value ? sorted(value) : value,
    ]),
  );
}

const changesBetween = (before: readonly Znode[], after: readonly Znode[]) => {
  const old = new Map(before.map((node) => [node.path, node]));
  const now = new Map(after.map((node) => [node.path, node]));
  return {
    changed: after.filter((node) => old.get(node.path)?.modifiedRevision !== node.modifiedRevision),
    deleted: before.filter(({ path }) => !now.has(path)).map(({ path }) => path),
  };
};

describe("image", () => {
  test("revision by revision or from the whole tree: the same image", () => {
    fc.assert(
      fc.property(fc.array(transaction, { minLength: 1, maxLength: 40 }), (transactions) => {
        const tree = new MemoryTree(new VirtualClock());
        let nodes = tree.nodes();
        let image = imageOf(tree.revision, nodes);
        for (const operations of transactions) {
          if (tree.apply(operations, "nobody").is !== "done") continue;
          const after = tree.nodes();
          image = nextImage(image, { revision: tree.revision, ...changesBetween(nodes, after) });
          nodes = after;
          expect(plain(image)).toEqual(plain(imageOf(tree.revision, nodes)));
        }
      }),
      { numRuns: 200 },
    );
  });

  test("an earlier image stays as it was, and shares what did not change", () => {
    const tree = new MemoryTree(new VirtualClock());
    const node = { replicas: [1], leader: 1, leaderEpoch: 0, isr: [1] };
    for (const topic of ["a", "b"])
      tree.apply(
        [
          { is: "create", path: paths.topic(topic), data: encode({ id: topic }) },
          { is: "create", path: paths.partitions(topic), data: Buffer.alloc(0) },
          { is: "create", path: paths.partition(topic, 0), data: encode(node) },
          { is: "create", path: paths.partition(topic, 1), data: encode(node) },
        ],
        "nobody",
      );
    const before = imageOf(tree.revision, tree.nodes());
    tree.apply(
      [{ is: "set", path: paths.partition("a", 0), data: encode({ ...node, leaderEpoch: 7 }), version: 1 }],
      "x",
    );
    const changed = [tree.node(paths.partition("a", 0))!];
    const after = nextImage(before, { revision: tree.revision, changed, deleted: [] });
    expect(before.topics.get("a")!.partitions[0]!.leaderEpoch).toBe(0);
    expect(after.topics.get("a")!.partitions[0]!.leaderEpoch).toBe(7);
    expect(after.topics.get("a")!.partitions[1]).toBe(before.topics.get("a")!.partitions[1]);
    expect(after.topics.get("b")).toBe(before.topics.get("b"));
    expect(after.topicsById.get("a")).toBe(after.topics.get("a"));
    expect(after.brokers).toBe(before.brokers);
  });
});

describe("nodes that somebody wrote by hand", () => {
  const node = (path: string, data: object): Znode => ({
    path,
    data: encode(data),
    version: 1,
    createdRevision: 1,
    modifiedRevision: 1,
    owner: null,
    childCount: 0,
  });
  const broker = { grpc: "h:1", rack: null, incarnation: "i", shuttingDown: false, since: 0 };

  test.for([[null], [{}], [{ name: "P", host: 7, port: 1 }], [{ name: "P", host: "h", port: "1" }]])(
    "a broker at no address is none: %j",
    ([endpoint], { expect: expected }) => {
      const endpoints = [{ name: "PLAINTEXT", host: "h", port: 1 }, endpoint];
      expected(imageOf(1, [node(paths.liveBroker(1), { ...broker, endpoints })]).brokers.size).toBe(0);
    },
  );

  test.for(["4294967294", "100000", "-1", "1.5", "one", "__proto__"])(
    "N-03: a partition %s is none: a number decides no memory",
    (partition, { expect: expected }) => {
      const written = { replicas: [1], leader: 1, leaderEpoch: 0, isr: [1] };
      const image = imageOf(1, [
        node(paths.topic("a"), { id: "x" }),
        node(paths.partition("a", 0), written),
        node(`${paths.partitions("a")}/${partition}`, written),
      ]);
      expected(image.topics.get("a")!.partitions.map(({ index: at }) => at)).toEqual([0]);
    },
  );
});
