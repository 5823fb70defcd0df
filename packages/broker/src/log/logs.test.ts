import { describe, expect, test } from "vitest";
import { silentLogger } from "@odradek/kit";
import { MemoryFiles, SeededRandom, VirtualClock } from "@odradek/kit/testing";
import { batchesIn } from "@odradek/protocol";
import { DerivedPartitionState } from "../partition/derived-partition-state.ts";
import { batchOf, logConfig } from "../testing/log-fixture.ts";
import { slowSyncs } from "../testing/slow-syncs.ts";
import type { Log } from "./log.ts";
import { Logs, type LogsOptions } from "./logs.ts";

const ID = "AAAAAAAAAAAAAAAAAAAAAA";
const OTHER_ID = "BBBBBBBBBBBBBBBBBBBBBB";

class Disk {
  readonly files = new MemoryFiles(3);
  readonly clock = new VirtualClock();
  readonly random = new SeededRandom(1);

  start(options: Partial<LogsOptions> = {}): Promise<Logs> {
    const { files, clock, random } = this;
    const fixed = { directory: "/data", logger: silentLogger, clusterId: "cluster", nodeId: 1 };
    return Logs.open({
      ...fixed,
      recoveriesAtOnce: 2,
      syncsAtOnce: 3,
      flush: "kafka",
      files,
      clock,
      random,
      ...options,
    });
  }

  open(
    logs: Logs,
    topic = "words",
    topicId = ID,
    config = logConfig,
  ): Promise<{ log: Log; derived: DerivedPartitionState }> {
    const derive = (directory: string): DerivedPartitionState => new DerivedPartitionState(this.files, directory);
    return logs.openLog({ topic, partition: 0, topicId }, { config: () => config, derive });
  }

  async append(log: Log, value: string): Promise<void> {
    const records = batchOf([value]);
    log.append(records, [...batchesIn(records)], 0);
    await this.clock.advance(0);
  }
}

describe("the data directory", () => {
  test("belongs to one broker of one cluster", async () => {
    const disk = new Disk();
    const logs = await disk.start();
    await logs.close();
    expect(String(disk.files.readAll("/data/meta.properties"))).toMatch(
      /^version=1\ncluster.id=cluster\nnode.id=1\ndirectory.id=[\w-]{22}\n$/,
    );
    expect((await disk.start()).directoryId).toBe(logs.directoryId);
    await expect(disk.start({ clusterId: "other" })).rejects.toThrow("cluster.id=cluster, but this broker's is other");
    await expect(disk.start({ nodeId: 2 })).rejects.toThrow("node.id=1");
  });

  test("L-06, L-20: the marker of a clean shutdown comes last and goes first, for good", async () => {
    const disk = new Disk();
    await (await disk.start()).close();
    expect(disk.files.exists("/data/.kafka_cleanshutdown")).toBe(true);
    expect((await disk.start()).cleanShutdown).toBe(true);
    disk.files.crash();
    expect((await disk.start()).cleanShutdown).toBe(false);
  });

  test("a log of a crash that nobody opened is still checked after a clean shutdown", async () => {
    const disk = new Disk();
    const { log } = await disk.open(await disk.start());
    await disk.append(log, "a");
    await disk.append(log, "b");
    disk.files.kill();
    await (await disk.start()).close();
    await (await disk.start()).close();
    const file = disk.files.open("/data/words-0/00000000000000000000.log");
    file.truncate(file.size() - 1);
    const logs = await disk.start();
    expect(logs.cleanShutdown).toBe(true);
    expect((await disk.open(logs)).log.end).toBe(1);
    await logs.close();
    expect(String(disk.files.readAll("/data/.kafka_cleanshutdown"))).toContain('"unchecked":[]');
  });

  test("comes back with checkpoints, whichever way it ended", async () => {
    const disk = new Disk();
    let logs = await disk.start();
    let { log } = await disk.open(logs, "with-dash.and.dot");
    for (const value of ["a", "b", "c"]) await disk.append(log, value);
    await log.flush();
    log.moveStart(1);
    await logs.saveCheckpoints();
    await logs.saveHighs([{ topic: "with-dash.and.dot", partition: 0, offset: 2 }]);
    expect(String(disk.files.readAll("/data/recovery-point-offset-checkpoint"))).toBe("0\n1\nwith-dash.and.dot 0 3\n");
    expect(String(disk.files.readAll("/data/with-dash.and.dot-0/partition.metadata"))).toBe(
      `version: 0\ntopic_id: ${ID}`,
    );
    for (const end of ["crash", "close"]) {
      if (end === "crash") disk.files.crash();
      else await logs.close();
      logs = await disk.start();
      ({ log } = await disk.open(logs, "with-dash.and.dot"));
      expect([log.start, log.end, logs.savedHigh("with-dash.and.dot", 0)]).toEqual([1, 3, 2]);
      expect(logs.stored()).toEqual([{ topic: "with-dash.and.dot", partition: 0, topicId: ID }]);
    }
  });

  test("L-21: a sealed segment on stable storage is not read again after a crash, though the time of checkpoints has not come", async () => {
    const disk = new Disk();
    const logs = await disk.start();
    const { log } = await disk.open(logs, "words", ID, { ...logConfig, segmentBytes: 250 });
    const stored = (): string => String(disk.files.readAll("/data/recovery-point-offset-checkpoint"));
    await disk.append(log, "a".repeat(100));
    await logs.saveSealed();
    expect(stored()).toBe("null");
    await disk.append(log, "b".repeat(100)); // the first segment is sealed, and synced off the loop
    await logs.saveSealed();
    expect(stored()).toBe("0\n1\nwords 0 1\n");
    await disk.append(log, "c");
    await log.flush();
    await logs.saveSealed();
    expect(stored()).toBe("0\n1\nwords 0 1\n");
  });

  test("L-20: a truncation waits until its lower recovery point is stored, whoever else has asked for it or failed to store it", async () => {
    const disk = new Disk();
    let ms = 0;
    const logs = await disk.start({ files: slowSyncs(disk.files, disk.clock, () => ({ ms, isSafeFirst: false })) });
    const { log } = await disk.open(logs);
    for (const value of ["a", "b", "c"]) await disk.append(log, value);
    await log.flush();
    await logs.saveCheckpoints();
    const id = { topic: "words", partition: 0, topicId: ID };
    const stored = (): string => String(disk.files.readAll("/data/recovery-point-offset-checkpoint")).split("\n")[2]!;
    expect(stored()).toBe("words 0 3");

    disk.files.failNextWrite({ path: "/data/recovery-point" });
    await expect(logs.holdRecoveryPoint(id, 0)).rejects.toThrow("recovery-point");
    disk.files.heal();
    expect(stored()).toBe("words 0 3");
    const release = await logs.holdRecoveryPoint(id, 0);
    expect(stored()).toBe("words 0 0");
    release();
    await logs.saveCheckpoints();
    expect(stored()).toBe("words 0 3");

    ms = 50;
    const first = logs.holdRecoveryPoint(id, 0);
    const second = logs.holdRecoveryPoint(id, 0).then((releaseSecond) => ({ releaseSecond, seen: stored() }));
    await disk.clock.advance(100);
    (await first)();
    expect(await second).toMatchObject({ seen: "words 0 0" });
    ms = 0;
    await logs.saveCheckpoints();
    expect(stored()).toBe("words 0 0"); // the second one has not been released
    (await second).releaseSecond();
    await logs.saveCheckpoints();
    expect(stored()).toBe("words 0 3");
  });

  test("P-23: records of a topic that was deleted and made again never come back", async () => {
    const disk = new Disk();
    const logs = await disk.start();
    const { log } = await disk.open(logs);
    await disk.append(log, "old");
    await logs.close();
    const again = await disk.start();
    const { log: fresh } = await disk.open(again, "words", OTHER_ID);
    expect(fresh.end).toBe(0);
    expect(again.savedHigh("words", 0)).toBe(0);
    expect(again.stored()).toEqual([{ topic: "words", partition: 0, topicId: OTHER_ID }]);
    await again.close();
    expect(disk.files.list("/data").filter((name) => name.includes("words"))).toEqual(["words-0"]);
  });

  test("a deleted partition is gone from its name at once, and from the disk after a crash too", async () => {
    const disk = new Disk();
    const logs = await disk.start();
    const { log } = await disk.open(logs);
    await disk.append(log, "a");
    logs.deleteLog("words", 0);
    expect(logs.stored()).toEqual([]);
    expect(disk.files.list("/data").some((name) => /^words-0\.[0-9a-f]{32}-delete$/.test(name))).toBe(true);
    const { log: fresh } = await disk.open(logs);
    expect(fresh.end).toBe(0);
    disk.files.kill();
    const again = await disk.start();
    await disk.clock.advance(0);
    await again.close();
    expect(disk.files.list("/data").filter((name) => name.endsWith("-delete"))).toEqual([]);
  });
});
