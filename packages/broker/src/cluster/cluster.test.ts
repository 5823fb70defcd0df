import { type Clock, silentLogger } from "@odradek/kit";
import { SeededRandom, VirtualClock } from "@odradek/kit/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { brokerConfigFrom } from "../config.ts";
import { createTopic } from "../controller/create-topic.ts";
import { type MemorySession, MemoryTree } from "../testing/memory-session.ts";
import { passUntil, startTestCluster, type TestCluster, ticking } from "../testing/test-cluster.ts";
import { Pictures } from "./assignments.ts";
import { Cluster } from "./cluster.ts";
import { TreeInSyncStore } from "./in-sync-store.ts";
import { encode, paths } from "./nodes.ts";
import { announceLoss, ReplacedError } from "./register.ts";

let clock: VirtualClock;
let tree: MemoryTree;
let started: TestCluster[];

const NO_LOSS = { mayHaveLost: false, hasOffline: () => false };

async function start(
  brokerId: number,
  seed = brokerId,
  settings: Record<string, string> = {},
  mayHaveLost = false,
): Promise<TestCluster> {
  const one = await startTestCluster({ tree, brokerId, clock, seed, settings, mayHaveLost });
  started.push(one);
  return one;
}

const assignmentsOf = ({ cluster }: TestCluster) => new Pictures(cluster).newest().assignments;

beforeEach(() => {
  clock = new VirtualClock();
  tree = new MemoryTree(clock);
  started = [];
});

afterEach(async () => {
  await Promise.all(started.map(({ cluster }) => cluster.close()));
});

describe("registration", () => {
  test("a broker is in its own picture when register resolves", async () => {
    const { cluster } = await start(1);
    expect(cluster.image.brokers.get(1)?.endpoints).toEqual([{ name: "PLAINTEXT", host: "127.0.0.1", port: 9092 }]);
    expect(cluster.image.known.get(1)?.incarnation).toBe(cluster.registration?.incarnation);
    expect(cluster.image.clusterId).toBe("memory-cluster-id-0001");
    expect(cluster.mayLead).toBe(true);
  });

  test("C-06: a restart takes over the node of its old session, whose end then deletes nothing", async () => {
    const old = await start(1);
    const again = await start(1, 2);
    expect(again.cluster.image.brokers.get(1)?.incarnation).toBe(again.cluster.registration?.incarnation);
    old.session().expire();
    await clock.advance(100);
    expect(again.cluster.image.brokers.has(1)).toBe(true);
  });

  test("a process whose number another one has taken stops, and does not take it back", async () => {
    const old = await start(1);
    const failed = expect(old.cluster.failed).rejects.toThrow(ReplacedError);
    const again = await start(1, 2);
    await failed;
    expect(old.cluster.mayLead).toBe(false);
    old.session().expire();
    await clock.advance(2_000);
    expect(again.cluster.image.brokers.get(1)?.incarnation).toBe(again.cluster.registration?.incarnation);
  });

  test("R-20: a new broker that starts while the store has no room registers as soon as there is some", async () => {
    tree.hasRoom = false;
    const starting = start(1);
    await clock.advance(10_000);
    expect(tree.node(paths.liveBroker(1))).toBeNull();
    tree.hasRoom = true;
    await clock.advance(3_000);
    expect((await starting).cluster.registration).not.toBeNull();
  });

  test("P-18: when the session expires the broker leads nothing until it has registered anew", async () => {
    const one = await start(1);
    const first = one.cluster.registration!.incarnation;
    const seen: (string | null)[] = [];
    one.cluster.onImage(() => seen.push(one.cluster.registration?.incarnation ?? null));
    one.session().expire();
    await passUntil(clock, () => one.cluster.registration !== null && one.cluster.registration.incarnation !== first);
    expect(seen[0]).toBeNull();
    await passUntil(
      clock,
      () => one.cluster.image.brokers.get(1)?.incarnation === one.cluster.registration?.incarnation,
    );
  });

  test("P-18: a broker that heard nothing for a session's time does not serve, whatever its picture says", async () => {
    let pausedMs = 0;
    const waking: Clock = {
      now: () => clock.now() + pausedMs,
      wallMs: () => clock.wallMs(),
      timer: (delayMs, run) => clock.timer(delayMs, run),
      afterTick: (run) => clock.afterTick(run),
    };
    const one = await startTestCluster({ tree, brokerId: 1, clock: waking });
    started.push(one);
    await clock.advance(20_000);
    expect(one.cluster.mayLead).toBe(true); // bookmarks came all the while
    pausedMs = one.cluster.config.metadata.sessionTimeoutMs + 1;
    expect(one.cluster.mayLead).toBe(false);
    await clock.advance(500);
    expect(one.cluster.mayLead).toBe(false); // what is heard first may have waited in a buffer
    await clock.advance(500);
    expect(one.cluster.mayLead).toBe(true); // the session had outlived the pause
  });

  test("the store can't be reached: the broker goes on trying", async () => {
    let attempts = 0;
    const cluster = await Cluster.start({
      config: brokerConfigFrom(new Map([["node.id", "5"]])),
      connect: () =>
        ++attempts === 2 || attempts === 3 ? Promise.reject(new Error("unreachable")) : Promise.resolve(tree.open()),
      clock: ticking(clock),
      random: new SeededRandom(5),
      logger: silentLogger,
    });
    await cluster.register({ endpoints: [], grpcAddress: "h:1", rack: "r" }, NO_LOSS);
    const before = cluster.registration!.incarnation;
    tree.end(cluster.session.id, "expired");
    await passUntil(clock, () => (cluster.registration?.incarnation ?? before) !== before);
    expect(attempts).toBe(4);
    await cluster.close();
  });

  test("settings of a topic are resolved once, and anew when somebody states others", async () => {
    const one = await start(1);
    const resolved = (name: string) => one.cluster.topicConfig(name);
    const plain = resolved("words");
    expect(resolved("others")).toBe(plain);
    const state = (path: string, settings: object) =>
      tree.apply([{ is: "create", path, data: encode(settings) }], "somebody");
    state(paths.topicConfig("words"), { "retention.ms": "1" });
    await clock.advance(10);
    expect(resolved("words").retentionMs).toBe(1);
    expect(resolved("words")).toBe(resolved("words"));
    expect(resolved("others")).toBe(plain);
    state(paths.brokerConfig(1), { "min.insync.replicas": "3" });
    await clock.advance(10);
    expect([resolved("words").minInsyncReplicas, resolved("others").minInsyncReplicas]).toEqual([3, 3]);
  });

  test("a registration that was made and never answered is the broker's own", async () => {
    const sessions: MemorySession[] = [];
    const cluster = await Cluster.start({
      config: brokerConfigFrom(new Map([["node.id", "5"]])),
      connect: () => {
        const session = tree.open();
        // As when the session ends while the answer is on its way.
        if (sessions.push(session) === 2)
          session.multi = (operations) => {
            tree.apply(operations, session.id);
            session.expire();
            return Promise.resolve({ is: "unknown" });
          };
        return Promise.resolve(session);
      },
      clock: ticking(clock),
      random: new SeededRandom(5),
      logger: silentLogger,
    });
    let failure: unknown = null;
    cluster.failed.catch((error: unknown) => (failure = error));
    await cluster.register({ endpoints: [], grpcAddress: "h:1", rack: "r" }, NO_LOSS);
    const before = cluster.registration!.incarnation;
    sessions[0]!.expire();
    await passUntil(
      clock,
      () => failure !== null || (sessions.length === 3 && (cluster.registration?.incarnation ?? before) !== before),
    );
    expect(failure).toBeNull();
    await cluster.close();
  });

  test("a session that ends before the broker has registered in it is followed by one in which it does", async () => {
    const cluster = await Cluster.start({
      config: brokerConfigFrom(new Map([["node.id", "5"]])),
      connect: () => Promise.resolve(tree.open()),
      clock: ticking(clock),
      random: new SeededRandom(5),
      logger: silentLogger,
    });
    tree.end(cluster.session.id, "expired");
    const registered = cluster.register({ endpoints: [], grpcAddress: "h:1", rack: null }, NO_LOSS);
    await passUntil(clock, () => cluster.registration !== null);
    await registered;
    expect(cluster.image.brokers.get(5)?.incarnation).toBe(cluster.registration!.incarnation);
    await cluster.close();
  });
});

describe("what a broker may have lost", () => {
  const lost = (life: TestCluster): number => life.cluster.image.known.get(1)!.lostRevision;

  test("P-15: is known by the revision of its registration, through later ones and shutdowns", async () => {
    const one = await start(1);
    expect(lost(one)).toBe(0);
    const again = await start(1, 2, {}, true);
    const { revision } = again.cluster.registration!;
    expect(lost(again)).toBe(revision);
    await again.cluster.beginShutdown({ timeoutMs: 10 });
    expect(lost(again)).toBe(revision);
    expect(lost(await start(1, 3))).toBe(revision);
  });

  test("P-15: a disk that has failed is told of at once, and a restart that knows nothing of it does not hide it", async () => {
    const one = await start(1);
    const { revision, incarnation } = one.cluster.registration!;
    await announceLoss(one.session(), 1, incarnation);
    await clock.advance(100);
    const told = lost(one);
    expect(told).toBeGreaterThan(revision);
    expect(one.cluster.registration).not.toBeNull();
    expect(lost(await start(1, 2))).toBe(told);
  });

  test("P-15: a new session of the same process has lost nothing", async () => {
    const one = await start(1, 1, {}, true);
    const { revision, incarnation } = one.cluster.registration!;
    one.session().expire();
    await passUntil(clock, () => (one.cluster.registration?.incarnation ?? incarnation) !== incarnation);
    expect(lost(one)).toBe(revision);
  });
});

describe("pictures", () => {
  test("P-22: a broker leads only by a node written after its own registration", async () => {
    const one = await start(1);
    await createTopic(one.cluster, { name: "words", partitions: 2, replicationFactor: 1, configs: {} });
    expect(assignmentsOf(one).map(({ leadsSinceRegistration }) => leadsSinceRegistration)).toEqual([true, true]);
    const again = await start(1, 2);
    expect(assignmentsOf(again).map(({ leadsSinceRegistration }) => leadsSinceRegistration)).toEqual([false, false]);
    const { replicas } = again.cluster.image.topics.get("words")!.partitions[1]!;
    await again
      .session()
      .set(paths.partition("words", 1), encode({ replicas, leader: 1, leaderEpoch: 1, isr: [1] }), "any");
    await clock.advance(1);
    expect(assignmentsOf(again).map(({ leadsSinceRegistration }) => leadsSinceRegistration)).toEqual([false, true]);
  });

  test("what did not change keeps its object; a changed setting reaches every partition of its topic", async () => {
    const one = await start(1, 1, { "min.insync.replicas": "2" });
    for (const name of ["a", "b"])
      await createTopic(one.cluster, { name, partitions: 2, replicationFactor: 1, configs: {} });
    const pictures = new Pictures(one.cluster);
    const before = pictures.newest().assignments;
    expect(before[0]!.config.minInsyncReplicas).toBe(1); // never more than there are replicas
    await one.session().create(paths.topicConfig("a"), encode({ "retention.ms": "1234" }));
    await clock.advance(1);
    const after = pictures.newest().assignments;
    const of = (topic: string, list: typeof after) => list.filter((assignment) => assignment.topic === topic);
    expect(of("a", after).map(({ config }) => config.retentionMs)).toEqual([1234, 1234]);
    expect(of("b", after)).toEqual(of("b", before));
    expect(of("b", after)[0]).toBe(of("b", before)[0]);
  });
});

describe("in-sync replicas", () => {
  const change = {
    topic: "words",
    partition: 0,
    leaderEpoch: 0,
    version: 1,
    isr: [1, 2],
    addedIncarnations: new Map<number, string>(),
  };

  async function led(): Promise<{ one: TestCluster; two: TestCluster; store: TreeInSyncStore }> {
    const [one, two] = [await start(1), await start(2)];
    await passUntil(clock, () => one.cluster.image.brokers.size === 2);
    await createTopic(one.cluster, {
      name: "words",
      partitions: -1,
      replicationFactor: -1,
      assignments: [[1, 2]],
      configs: {},
    });
    return { one, two, store: new TreeInSyncStore(one.cluster) };
  }

  const isrOf = ({ cluster }: TestCluster) => cluster.image.topics.get("words")!.partitions[0]!.isr;

  test("a leader takes a follower out and in again, by exact versions", async () => {
    const { one, two, store } = await led();
    expect(await store.propose({ ...change, isr: [1] })).toBe("accepted");
    await passUntil(clock, () => isrOf(one).length === 1);
    expect(await store.propose({ ...change, isr: [1, 2] })).toBe("rejected"); // P-14: the version is old
    const addedIncarnations = new Map([[2, two.cluster.registration!.incarnation]]);
    expect(await store.propose({ ...change, version: 2, addedIncarnations })).toBe("accepted");
    await passUntil(clock, () => isrOf(one).length === 2);
  });

  test("what is asked while a transaction is under way is one more; one that has lost does not hold back the others", async () => {
    const [one] = [await start(1), await start(2)];
    await passUntil(clock, () => one.cluster.image.brokers.size === 2);
    const assignments = Array.from({ length: 50 }, () => [1, 2]);
    await createTopic(one.cluster, {
      name: "words",
      partitions: -1,
      replicationFactor: -1,
      assignments,
      configs: {},
    });
    const store = new TreeInSyncStore(one.cluster);
    const shrinkAll = (version: number) =>
      Promise.all(assignments.map((_, partition) => store.propose({ ...change, partition, version, isr: [1] })));
    const before = tree.revision;
    expect(await shrinkAll(1)).toEqual(assignments.map(() => "accepted"));
    expect(tree.revision - before).toBe(2);
    await passUntil(clock, () =>
      one.cluster.image.topics.get("words")!.partitions.every(({ isr }) => isr.length === 1),
    );
    // Somebody else has changed two of them, and this broker's picture does not show it yet.
    const changed = [7, 31];
    one.session().beforeMulti = () => {
      one.session().beforeMulti = () => Promise.resolve();
      for (const partition of changed) {
        const path = paths.partition("words", partition);
        tree.apply([{ is: "set", path, data: tree.node(path)!.data, version: "any" }], "somebody");
      }
      return Promise.resolve();
    };
    expect(await shrinkAll(2)).toEqual(
      assignments.map((_, partition) => (changed.includes(partition) ? "rejected" : "accepted")),
    );
  });

  test("a leader asks for another epoch, or for another leader, by exact versions", async () => {
    const { one, store } = await led();
    const leadership = { leader: 1, leaderEpoch: 11 };
    expect(await store.propose({ ...change, leadership })).toBe("accepted");
    await passUntil(clock, () => one.cluster.image.topics.get("words")!.partitions[0]!.leaderEpoch === 11);
    expect(await store.propose({ ...change, version: 2, leadership })).toBe("rejected");
    const next = { ...change, version: 2, leaderEpoch: 11, leadership: { leader: 2, leaderEpoch: 12 } };
    expect(await store.propose(next)).toBe("accepted");
    await passUntil(clock, () => one.cluster.image.topics.get("words")!.partitions[0]!.leader === 2);
  });

  test("P-12: a follower that has restarted since it caught up does not join", async () => {
    const { one, two, store } = await led();
    await store.propose({ ...change, isr: [1] });
    const addedIncarnations = new Map([[2, two.cluster.registration!.incarnation]]);
    one.session().beforeMulti = async () => {
      one.session().beforeMulti = () => Promise.resolve();
      await start(2, 22);
    };
    await passUntil(clock, () => isrOf(one).length === 1);
    expect(await store.propose({ ...change, version: 2, addedIncarnations })).toBe("rejected");
    await passUntil(clock, () => one.cluster.image.brokers.get(2)?.incarnation !== addedIncarnations.get(2));
    expect(await store.propose({ ...change, version: 2, addedIncarnations })).toBe("rejected");
  });

  test("P-13: a stopping follower does not join", async () => {
    const { one, two, store } = await led();
    await store.propose({ ...change, isr: [1] });
    void two.cluster.beginShutdown({ timeoutMs: 10 });
    await passUntil(clock, () => one.cluster.image.brokers.get(2)?.shuttingDown === true);
    const addedIncarnations = new Map([[2, two.cluster.registration!.incarnation]]);
    expect(await store.propose({ ...change, version: 2, addedIncarnations })).toBe("rejected");
  });

  test("who does not lead changes nothing", async () => {
    const { two } = await led();
    await passUntil(clock, () => two.cluster.image.topics.has("words"));
    expect(await new TreeInSyncStore(two.cluster).propose({ ...change, isr: [2] })).toBe("rejected");
  });
});

describe("producer ids", () => {
  test("I-11: no two brokers, and no two lives of one, hand out the same id", async () => {
    const [one, two] = [await start(1), await start(2)];
    const ids: number[] = [];
    for (let round = 0; round < 1_500; round++) {
      ids.push(await one.cluster.allocateProducerId());
      if (round % 3 === 0) ids.push(await two.cluster.allocateProducerId());
    }
    const again = await start(1, 11);
    ids.push(...(await Promise.all(Array.from({ length: 50 }, () => again.cluster.allocateProducerId()))));
    expect(new Set(ids).size).toBe(ids.length);
  });
});
