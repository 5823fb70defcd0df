import { expect, test } from "vitest";
import { integerBelow, type Random, silentLogger } from "@odradek/kit";
import { SeededRandom, VirtualClock } from "@odradek/kit/testing";
import { ErrorCode } from "@odradek/protocol";
import { CompactedLog } from "../../testing/compaction-fixture.ts";
import { GroupShard } from "./group-shard.ts";
import { fromLogRecord, type GroupRecord, toRecordDraft } from "./records.ts";
import { Timers } from "./timers.ts";

const limits = {
  initialRebalanceDelayMs: 0,
  sessionTimeoutMsMin: 1,
  sessionTimeoutMsMax: 60_000,
  membersMax: 10,
  offsetMetadataBytesMax: 100,
  offsetsRetentionMs: Infinity,
};

function emptyShard(): GroupShard {
  const clock = new VirtualClock();
  const persist = (): Promise<ErrorCode> => Promise.resolve(ErrorCode.NONE);
  const desk = { clock, random: new SeededRandom(1), logger: silentLogger, timers: new Timers(clock), limits, persist };
  return new GroupShard(desk, persist);
}

const groups = ["a", "b", "c", "d"];

function randomRecord(random: Random, n: number): GroupRecord {
  const group = groups[integerBelow(random, groups.length)]!;
  const forgets = random.next() < 0.25;
  if (random.next() < 0.6) {
    const value = forgets ? null : { offset: n, leaderEpoch: -1, metadata: "", commitTimestampMs: n };
    return { is: "offset", group, topic: `t${integerBelow(random, 3)}`, partition: integerBelow(random, 2), value };
  }
  if (forgets) return { is: "group", group, value: null };
  const member = {
    memberId: `m${n}`,
    groupInstanceId: null,
    clientId: "c",
    clientHost: "h",
    rebalanceTimeout: 1000,
    sessionTimeout: 1000,
    subscription: Buffer.from([n % 256]),
    assignment: Buffer.from([n % 256]),
  };
  const value = { protocolType: "consumer", generation: n, protocol: "range", leader: member.memberId };
  return { is: "group", group, value: { ...value, currentStateTimestamp: n, members: [member] } };
}

/** All that can be asked of a shard. */
async function answers(shard: GroupShard): Promise<unknown> {
  const all = [];
  for (const group of groups) all.push([group, shard.describe(group), await shard.fetchOffsets(group)]);
  return [all, shard.list().toSorted((one, other) => (one.groupId < other.groupId ? -1 : 1))];
}

test(
  "G-14: replaying a log that was compacted at random gives the state that all its records give",
  { timeout: 60_000 },
  async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = new SeededRandom(seed);
      const log = await CompactedLog.open({ segmentBytes: 600, deleteRetentionMs: 1000, fileDeleteDelayMs: 0 });
      const live = emptyShard();
      for (let n = 0; n < 120; n++) {
        const record = randomRecord(random, n);
        live.replay(record);
        log.append([toRecordDraft(record)]);
        await log.at.tick();
        if (random.next() < 0.1) await log.at.clock.advance(integerBelow(random, 2000));
        if (random.next() < 0.1) await log.compact();
      }
      await log.compact();
      const loaded = emptyShard();
      for (const record of log.at.records(0)) {
        const parsed = fromLogRecord(record);
        if (parsed !== null) loaded.replay(parsed);
      }
      live.loaded(60_000);
      loaded.loaded(60_000);
      expect([seed, await answers(loaded)]).toEqual([seed, await answers(live)]);
    }
  },
);
