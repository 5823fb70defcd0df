import {
  ApiVersionsApi,
  DescribeClusterApi,
  ErrorCode,
  InitProducerIdApi,
  ListGroupsApi,
  MetadataApi,
} from "@odradek/protocol";
import { test } from "vitest";
import { type ConnectError, DeadlineError, UnsupportedVersionError } from "../errors.ts";
import { FakeBroker, HANG_UP, SILENCE } from "../testing/fake-broker.ts";
import { FakeCluster } from "../testing/fake-cluster.ts";
import { createAdmin } from "../index.ts";
import { Cluster } from "./cluster.ts";
import { BrokerConnection } from "./connection.ts";
import { parseAddress, settingsOf } from "./options.ts";

const connect = (bootstrap: string, options = {}): Promise<BrokerConnection> => {
  const settings = settingsOf({ bootstrap, connectTimeoutMs: 2_000, ...options });
  return BrokerConnection.open(settings.bootstrap[0]!, settings);
};

/** A port that nothing listens on. */
async function freePort(): Promise<number> {
  await using broker = await FakeBroker.start();
  return broker.port;
}

test("addresses: host, host:port, [ipv6]:port, and nothing else", ({ expect }) => {
  expect(parseAddress("h")).toEqual({ host: "h", port: 9092 });
  expect(parseAddress(" h:1 ")).toEqual({ host: "h", port: 1 });
  expect(parseAddress("[::1]:2")).toEqual({ host: "::1", port: 2 });
  for (const text of ["h:x", "h:70000", ":1", "a:1:2", ""]) expect(() => parseAddress(text)).toThrow(RangeError);
  expect(() => settingsOf({ bootstrap: " , " })).toThrow(RangeError);
});

test("a name that does not exist is named as the failing hop", async ({ expect }) => {
  await expect(connect("no-such-host.invalid:9092")).rejects.toMatchObject({
    name: "ConnectError",
    hop: "name lookup",
  });
});

test("a closed port is named as the failing hop", async ({ expect }) => {
  const address = `127.0.0.1:${await freePort()}`;
  await expect(connect(address)).rejects.toMatchObject({ hop: "tcp", address });
});

test("a server that is no Kafka is named as the failing hop", async ({ expect }) => {
  await using broker = await FakeBroker.start();
  broker.on(ApiVersionsApi, () => HANG_UP);
  await expect(connect(broker.bootstrap)).rejects.toMatchObject({ hop: "api versions", address: broker.bootstrap });
});

test("an advertised address that can't be reached is named with its advertiser", async ({ expect }) => {
  await using broker = await FakeBroker.start();
  const port = await freePort();
  broker.on(MetadataApi, () => ({ brokers: [{ nodeId: 7, host: "127.0.0.1", port }], controllerId: 7, topics: [] }));
  await using cluster = new Cluster({ bootstrap: broker.bootstrap });
  await cluster.refresh([]);
  const failure = cluster.send(7, ListGroupsApi, {});
  await expect(failure).rejects.toMatchObject({ hop: "advertised address" });
  await expect(failure).rejects.toThrow(new RegExp(`broker 7 advertises 127\\.0\\.0\\.1:${port}`));
});

test("a broker that did not answer keeps the next questions waiting once at most", async ({ expect }) => {
  await using cluster = await FakeCluster.start(2);
  cluster.broker(1).on(ApiVersionsApi, () => SILENCE);
  await using client = new Cluster({ bootstrap: cluster.broker(2).bootstrap, connectTimeoutMs: 500 });
  for (let turn = 0; turn < 20; turn++) await client.refresh(["t"]);
  expect(cluster.broker(1).asked.length).toBe(1);
});

test("ApiVersions falls back to the version a refusal names", async ({ expect }) => {
  await using broker = await FakeBroker.start();
  const apiKeys = [{ apiKey: ApiVersionsApi.key, minVersion: 0, maxVersion: 1 }];
  broker.on(ApiVersionsApi, (_, version) => ({ errorCode: version > 1 ? ErrorCode.UNSUPPORTED_VERSION : 0, apiKeys }));
  await using connection = await connect(broker.bootstrap);
  expect(connection.isOpen).toBe(true);
  expect(broker.asked.map(({ version }) => version)).toEqual([3, 1]);
});

test("the newest common version is spoken; without one it is an UnsupportedVersionError", async ({ expect }) => {
  const versions = new Map<number, readonly [number, number]>([
    [ListGroupsApi.key, [0, 2]],
    [DescribeClusterApi.key, [90, 91]],
  ]);
  await using broker = await FakeBroker.start({ versions });
  broker.on(ListGroupsApi, () => ({ errorCode: 0, groups: [] }));
  await using connection = await connect(broker.bootstrap);
  await connection.send(ListGroupsApi, {}, 1_000);
  expect(broker.asked.at(-1)).toMatchObject({ api: "ListGroups", version: 2 });
  const asked = connection.send(DescribeClusterApi, { includeClusterAuthorizedOperations: false }, 1_000);
  await expect(asked).rejects.toBeInstanceOf(UnsupportedVersionError);
});

test("answers find their requests whatever their order", async ({ expect }) => {
  await using broker = await FakeBroker.start();
  const { promise: first, resolve } = Promise.withResolvers<void>();
  broker.on(ListGroupsApi, async () => {
    await first;
    return { errorCode: 15, groups: [] };
  });
  broker.on(InitProducerIdApi, () => ({ errorCode: 0, producerId: 5, producerEpoch: 0 }));
  await using connection = await connect(broker.bootstrap);
  const slow = connection.send(ListGroupsApi, {}, 5_000);
  const fast = await connection.send(InitProducerIdApi, { transactionalId: null, transactionTimeoutMs: 1 }, 5_000);
  resolve();
  expect([fast.producerId, (await slow).errorCode]).toEqual([5, 15]);
});

test("a request without an answer misses its deadline and closes the connection, with all that wait behind it", async ({
  expect,
}) => {
  await using broker = await FakeBroker.start();
  broker.on(ListGroupsApi, () => SILENCE);
  await using connection = await connect(broker.bootstrap);
  const behind = connection.send(ListGroupsApi, {}, 60_000);
  await expect(connection.send(ListGroupsApi, {}, 50)).rejects.toBeInstanceOf(DeadlineError);
  await expect(behind).rejects.toBeInstanceOf(DeadlineError);
  expect(connection.isOpen).toBe(false);
});

test("a connection that breaks fails what waits for it, and the next request dials again", async ({ expect }) => {
  await using broker = await FakeBroker.start();
  broker.on(ListGroupsApi, () => SILENCE);
  await using cluster = new Cluster({ bootstrap: broker.bootstrap });
  await cluster.refresh([]);
  const waiting = cluster.send(1, ListGroupsApi, {});
  waiting.catch(() => undefined);
  await cluster.send(1, MetadataApi, { topics: [] });
  broker.hangUp();
  await expect(waiting).rejects.toMatchObject({ hop: "closed" });
  broker.on(ListGroupsApi, () => ({ errorCode: 0, groups: [] }));
  expect((await cluster.send(1, ListGroupsApi, {})).errorCode).toBe(0);
});

test("bootstrap addresses are tried until one answers; if none does, all failures are named", async ({ expect }) => {
  await using broker = await FakeBroker.start();
  const dead = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  await using cluster = new Cluster({ bootstrap: [...dead, broker.bootstrap] });
  expect((await cluster.refresh([])).controllerId).toBe(1);
  await using lost = new Cluster({ bootstrap: dead });
  const failure = await lost.refresh([]).then(
    () => null,
    (error: unknown) => error as ConnectError,
  );
  for (const address of dead) expect(failure?.message).toContain(address);
});

test("an older answer never takes a partition's leader back", async ({ expect }) => {
  await using broker = await FakeBroker.start();
  let leaderEpoch = 5;
  broker.on(MetadataApi, () => ({
    brokers: [{ nodeId: 1, host: "127.0.0.1", port: broker.port }],
    topics: [
      {
        errorCode: 0,
        name: "t",
        partitions: [
          { errorCode: 0, partitionIndex: 0, leaderId: leaderEpoch, leaderEpoch, replicaNodes: [], isrNodes: [] },
        ],
      },
    ],
  }));
  await using cluster = new Cluster({ bootstrap: broker.bootstrap });
  await cluster.refresh(["t"]);
  leaderEpoch = 4;
  await cluster.refresh(["t"]);
  expect(cluster.leaderOf("t", 0)).toBe(5);
  leaderEpoch = 6;
  await cluster.refresh(["t"]);
  expect(cluster.leaderOf("t", 0)).toBe(6);
});

test("an answer that is late is told of while it is still waited for", async ({ expect }) => {
  await using broker = await FakeBroker.start();
  const answer = Promise.withResolvers<void>();
  broker.on(ListGroupsApi, async () => {
    await answer.promise;
    return { errorCode: 0, groups: [] };
  });
  const trouble: string[] = [];
  const onTrouble = ({ message }: Error): void => {
    trouble.push(message);
    answer.resolve();
  };
  await using connection = await connect(broker.bootstrap, { onTrouble });
  await connection.send(ListGroupsApi, {}, 30_000);
  expect(trouble).toEqual([`${broker.bootstrap} has not answered ListGroups for 2000 ms`]);
});

test("a failure that is tried again is told of, one that is final is only thrown", async ({ expect }) => {
  await using broker = await FakeBroker.start();
  const codes = [ErrorCode.COORDINATOR_NOT_AVAILABLE, ErrorCode.GROUP_AUTHORIZATION_FAILED];
  broker.on(ListGroupsApi, () => ({ errorCode: codes.shift()!, groups: [] }));
  const trouble: string[] = [];
  await using admin = createAdmin({ bootstrap: broker.bootstrap, onTrouble: ({ message }) => trouble.push(message) });
  await expect(admin.listGroups()).rejects.toThrow(/GROUP_AUTHORIZATION_FAILED/);
  expect(trouble).toHaveLength(1);
  expect(trouble[0]).toContain("COORDINATOR_NOT_AVAILABLE");
});
