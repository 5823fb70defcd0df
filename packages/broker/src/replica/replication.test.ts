import { buildBatch, ErrorCode } from "@odradek/protocol";
import { describe, expect, test } from "vitest";

import { ReplicatedTopic } from "../testing/replicated-topic.ts";

const ok = { error: ErrorCode.NONE };

describe("replication", () => {
  test("what is appended reaches all replicas, and acks=all is answered when it has", async () => {
    const at = await ReplicatedTopic.start();
    expect(await at.appended(1, ["a", "b"])).toMatchObject({ ...ok, baseOffset: 0 });
    expect([2, 3].map((id) => at.values(id))).toEqual([
      ["a", "b"],
      ["a", "b"],
    ]);
    expect(at.partition(1).high.value).toBe(2);
    expect(at.consumed(1)).toEqual(["a", "b"]);
    await at.until(() => at.partition(2).high.value === 2 && at.partition(3).high.value === 2, 10);
  });

  test("K-07: who is told at once that the leader changed may use the batch's buffer again, before the tick has written it", async () => {
    const at = await ReplicatedTopic.start();
    const batch = buildBatch({ records: [{ key: null, value: Buffer.from("a") }], timestamp: at.clock.wallMs() });
    const answer = at.partition(1).append(batch, { acks: -1, timeoutMs: 1000, origin: "client" });
    at.elect(1);
    expect(await answer).toMatchObject({ error: ErrorCode.NOT_LEADER_OR_FOLLOWER });
    batch.fill(0);
    await at.pass(100);
    expect([1, 2, 3].map((id) => at.values(id))).toEqual([["a"], ["a"], ["a"]]);
  });

  test("acks=1 is answered without followers, acks=all waits for them and times out", async () => {
    const at = await ReplicatedTopic.start();
    at.network.cut("b1", "b2");
    expect(await at.appended(1, ["a"], { acks: 1 })).toMatchObject({ ...ok, baseOffset: 0 });
    expect(await at.appended(1, ["b"], { timeoutMs: 100 })).toMatchObject({ error: ErrorCode.REQUEST_TIMED_OUT });
    expect(at.consumed(1)).toEqual([]);
  });

  test("a killed follower leaves the in-sync replicas after the lag time, and joins again when it has caught up", async () => {
    const at = await ReplicatedTopic.start({ brokers: [1, 2] });
    at.kill(2);
    const waiting = at.append(1, ["a"], { timeoutMs: 20_000 });
    await at.pass(9000);
    expect(at.node.isr).toEqual([1, 2]);
    await at.until(() => at.node.isr.length === 1);
    expect(await waiting).toMatchObject({ ...ok, baseOffset: 0 });
    await at.boot(2);
    await at.until(() => at.node.isr.length === 2);
    expect(at.values(2)).toEqual(["a"]);
  });

  test("P-08: with too few in-sync replicas acks=all is refused before anything is written; acks=1 is not", async () => {
    const at = await ReplicatedTopic.start({ min: 2 });
    at.kill(2);
    at.kill(3);
    at.setIsr([1]);
    expect(await at.appended(1, ["a"])).toMatchObject({ error: ErrorCode.NOT_ENOUGH_REPLICAS });
    expect(at.partition(1).end).toBe(0);
    expect(await at.appended(1, ["b"], { acks: 1 })).toMatchObject(ok);
    await at.pass(100);
    expect(at.partition(1).high.value).toBe(0);
  });

  test("acks=all that was written while in-sync replicas went away is not acknowledged", async () => {
    const at = await ReplicatedTopic.start({ min: 2 });
    at.network.cut("b1", "b2");
    at.network.cut("b1", "b3");
    const waiting = at.append(1, ["a"], { timeoutMs: 1000 });
    await at.pass(10);
    at.setIsr([1]);
    await at.pass(1000);
    expect(await waiting).toMatchObject({ error: ErrorCode.REQUEST_TIMED_OUT });
  });

  test("K-07: a change of the leader ends pending appends and waits at once, naming the new leader", async () => {
    const at = await ReplicatedTopic.start();
    at.network.cut("b1", "b2");
    const waiting = at.append(1, ["a"]);
    const read = at.partition(1).high.reached(1, { timeoutMs: 30_000 });
    await at.pass(5);
    at.elect(3, [1, 3]);
    await at.pass(0);
    expect(await waiting).toMatchObject({ error: ErrorCode.NOT_LEADER_OR_FOLLOWER, leader: { id: 3, epoch: 2 } });
    expect(await read).toBe("closed");
    expect(await at.appended(1, ["b"])).toMatchObject({ error: ErrorCode.NOT_LEADER_OR_FOLLOWER });
  });

  test("P-01: a follower that restarts behind the high watermark keeps what it has, and nothing acknowledged is lost", async () => {
    const at = await ReplicatedTopic.start({ brokers: [1, 2] });
    await at.appended(1, ["a"]);
    await at.until(() => at.partition(2).high.value === 1);
    // Acknowledged, but broker 2 has not heard of the new high watermark.
    await at.appended(1, ["b"]);
    at.kill(2);
    at.kill(1);
    await at.boot(2);
    at.elect(2, [2]);
    await at.until(() => at.partitionOrNull(2)?.role.is === "leader");
    expect(at.values(2)).toEqual(["a", "b"]);
  });

  test("P-02, KIP-101: logs that parted while each was alone are brought together by leader epochs", async () => {
    const at = await ReplicatedTopic.start({ brokers: [1, 2] });
    await at.appended(1, ["a"]);
    at.network.cut("b1", "b2");
    await at.appended(1, ["old 1", "old 2"], { acks: 1 });
    at.kill(1);
    at.elect(2, [2]);
    expect(await at.appended(2, ["new"])).toMatchObject({ ...ok, baseOffset: 1 });
    at.network.heal("b1", "b2");
    await at.boot(1);
    await at.until(() => at.partitionOrNull(1)?.end === 2);
    expect(at.values(1)).toEqual(["a", "new"]);
    expect(at.partition(1).replica.derived.epochs.entries).toEqual(at.partition(2).replica.derived.epochs.entries);
    await at.until(() => at.node.isr.length === 2);
  });

  test("P-03, KIP-279: after two fast leader changes a follower goes back through as many epochs as it takes", async () => {
    const at = await ReplicatedTopic.start({ brokers: [1, 2, 3] });
    await at.appended(1, ["a"]);
    at.network.cut("b1", "b2");
    at.network.cut("b1", "b3");
    at.network.cut("b2", "b3");
    await at.appended(1, ["1 alone", "1 alone too"], { acks: 1 });
    at.elect(2);
    await at.appended(2, ["2 alone"], { acks: 1 });
    at.elect(1);
    await at.appended(1, ["1 again"], { acks: 1 });
    at.elect(2);
    await at.appended(2, ["2 again", "2 still"], { acks: 1 });
    at.elect(3);
    at.network.heal("b1", "b2");
    at.network.heal("b1", "b3");
    at.network.heal("b2", "b3");
    expect(await at.appended(3, ["3"])).toMatchObject({ ...ok, baseOffset: 1 });
    await at.until(() => [1, 2].every((id) => at.partition(id).end === 2));
    for (const id of [1, 2, 3]) expect(at.values(id)).toEqual(["a", "3"]);
    expect(at.partition(1).replica.derived.epochs.entries).toEqual(at.partition(3).replica.derived.epochs.entries);
  });

  test("P-03, KIP-279: a follower keeps no more of an epoch than it has itself, however far the leader has it", async () => {
    const at = await ReplicatedTopic.start({ brokers: [1, 2] });
    await at.appended(1, ["a", "b"]);
    at.network.cut("b1", "b2");
    await at.appended(1, ["c", "d", "e"], { acks: 1 });
    at.elect(2);
    await at.appended(2, ["x"], { acks: 1 });
    await at.appended(2, ["y"], { acks: 1 });
    at.elect(1);
    at.network.heal("b1", "b2");
    await at.until(() => at.partition(1).high.value === 5);
    expect(at.values(2)).toEqual(["a", "b", "c", "d", "e"]);
    expect(at.partition(2).replica.derived.epochs.latest).toBe(1);
  });

  test("P-04: a leader of an old epoch is not followed, and can't commit anything", async () => {
    const at = await ReplicatedTopic.start();
    at.inTheDark.add(1);
    at.elect(2, [2, 3]);
    await at.pass(100);
    const waiting = at.append(1, ["from the past"], { timeoutMs: 1000 });
    await at.pass(1001);
    expect(await waiting).toMatchObject({ error: ErrorCode.REQUEST_TIMED_OUT });
    expect(await at.appended(2, ["now"])).toMatchObject({ ...ok, baseOffset: 0 });
    expect(at.values(3)).toEqual(["now"]);
    at.inTheDark.delete(1);
    at.publish();
    await at.until(() => at.node.isr.length === 3);
    expect(at.values(1)).toEqual(["now"]);
  });

  test("P-04: a follower of a newer epoch acknowledges nothing to the leader of the old one", async () => {
    const at = await ReplicatedTopic.start({ brokers: [1, 2] });
    at.inTheDark.add(1);
    at.elect(1);
    expect(await at.appended(1, ["a"], { timeoutMs: 1000 })).toMatchObject({ error: ErrorCode.REQUEST_TIMED_OUT });
    at.inTheDark.delete(1);
    at.publish();
    expect(await at.appended(1, ["b"])).toMatchObject(ok);
    expect(at.values(2)).toEqual(["a", "b"]);
  });

  test("P-04: a follower of an older epoch is fenced", async () => {
    const at = await ReplicatedTopic.start({ brokers: [1, 2] });
    at.inTheDark.add(2);
    at.elect(1);
    expect(await at.appended(1, ["a"], { timeoutMs: 1000 })).toMatchObject({ error: ErrorCode.REQUEST_TIMED_OUT });
    at.inTheDark.delete(2);
    at.publish();
    await at.until(() => at.partition(1).high.value === 1);
  });

  test("P-05: a follower that missed epochs of the same leader reconciles with the one that counts", async () => {
    const at = await ReplicatedTopic.start({ brokers: [1, 2] });
    at.inTheDark.add(2);
    at.elect(1);
    at.elect(1);
    await at.pass(100);
    at.inTheDark.delete(2);
    at.publish();
    expect(await at.appended(1, ["a"])).toMatchObject(ok);
    expect(at.values(2)).toEqual(["a"]);
    expect(at.partition(2).replica.derived.epochs.latest).toBe(3);
  });

  test("P-06: epochs without records do not lead a follower to a wrong truncation point", async () => {
    const at = await ReplicatedTopic.start();
    await at.appended(1, ["a", "b"]);
    for (const leader of [2, 3, 1, 2, 3]) {
      at.elect(leader);
      await at.pass(3);
    }
    expect(await at.appended(3, ["c"])).toMatchObject({ ...ok, baseOffset: 2 });
    for (const id of [1, 2, 3]) expect(at.values(id)).toEqual(["a", "b", "c"]);
  });

  test("P-06: a leader knows its epoch before its first record", async () => {
    const at = await ReplicatedTopic.start({ brokers: [1] });
    await at.appended(1, ["a"]);
    at.elect(1);
    expect(at.partition(1).endOffsetForEpoch(2)).toEqual({ leaderEpoch: 2, endOffset: 1 });
    expect(at.partition(1).endOffsetForEpoch(1)).toEqual({ leaderEpoch: 1, endOffset: 1 });
  });

  test("P-12: a follower that lost its tail with the power joins only when it has everything again", async () => {
    const at = await ReplicatedTopic.start({ brokers: [1, 2] });
    await at.appended(1, ["a", "b"]);
    at.losePower(2);
    at.setIsr([1]);
    await at.boot(2);
    await at.until(() => at.node.isr.length === 2);
    expect(at.values(2)).toEqual(["a", "b"]);
  });

  test("P-13: a broker that is shutting down is not taken in", async () => {
    const at = await ReplicatedTopic.start({ brokers: [1, 2] });
    at.shuttingDown.add(2);
    at.setIsr([1]);
    await at.appended(1, ["a"]);
    await at.pass(2000);
    expect(at.node.isr).toEqual([1]);
    at.shuttingDown.delete(2);
    at.publish();
    await at.until(() => at.node.isr.length === 2);
  });

  test("P-14: a refused change of the in-sync replicas is tried again on what is so then", async () => {
    const at = await ReplicatedTopic.start({ brokers: [1, 2] });
    at.inSyncAnswers = "rejected";
    at.setIsr([1]);
    await at.pass(1500);
    expect(at.proposals.length).toBeGreaterThan(1);
    expect(at.proposals.length).toBeLessThan(5);
    at.inSyncAnswers = "normal";
    await at.until(() => at.node.isr.length === 2);
  });

  test("P-22: a broker that restarted leads only by what was written after its registration", async () => {
    const at = await ReplicatedTopic.start({ brokers: [1, 2] });
    await at.appended(1, ["a"]);
    at.losePower(1);
    await at.boot(1);
    await at.until(() => at.partitionOrNull(1) !== null);
    expect(at.partition(1).role).toMatchObject({ is: "follower", leader: -1 });
    expect(await at.appended(1, ["b"])).toMatchObject({ error: ErrorCode.NOT_LEADER_OR_FOLLOWER });
    at.elect(2, [2]);
    await at.until(() => at.node.isr.length === 2);
    expect(at.values(1)).toEqual(["a"]);
  });

  test("P-21: a follower below the leader's log start starts anew there", async () => {
    const at = await ReplicatedTopic.start({ brokers: [1, 2] });
    at.kill(2);
    at.setIsr([1]);
    await at.appended(1, ["a", "b"]);
    await at.appended(1, ["c"]);
    expect(at.partition(1).deleteRecordsBelow(2)).toBe(2);
    await at.boot(2);
    await at.until(() => at.node.isr.length === 2);
    expect([at.partition(2).start, at.partition(2).end, at.partition(2).high.value]).toEqual([2, 3, 3]);
    expect(at.values(2)).toEqual(["c"]);
  });

  test("I-10: a retry at the new leader is answered with the original offset and not appended again", async () => {
    const at = await ReplicatedTopic.start();
    const producer = { id: 7, epoch: 0, baseSequence: 0 };
    await at.appended(1, ["before"]);
    expect(await at.appended(1, ["a"], { producer })).toMatchObject({ ...ok, baseOffset: 1 });
    at.elect(2);
    expect(await at.appended(2, ["a"], { producer })).toMatchObject({ ...ok, baseOffset: 1 });
    expect(await at.appended(2, ["c"], { producer: { ...producer, baseSequence: 2 } })).toMatchObject({
      error: ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
    });
    expect(await at.appended(2, ["b"], { producer: { ...producer, baseSequence: 1 } })).toMatchObject(ok);
    expect(at.values(3)).toEqual(["before", "a", "b"]);
  });

  test("a duplicate with acks=all is acknowledged only once the original is committed", async () => {
    const at = await ReplicatedTopic.start({ brokers: [1, 2] });
    at.network.cut("b1", "b2");
    const producer = { id: 7, epoch: 0, baseSequence: 0 };
    expect(await at.appended(1, ["a"], { producer, acks: 1 })).toMatchObject({ ...ok, baseOffset: 0 });
    const retried = await at.appended(1, ["a"], { producer, acks: -1, timeoutMs: 100 });
    expect(retried).toMatchObject({ error: ErrorCode.REQUEST_TIMED_OUT });
    const again = at.append(1, ["a"], { producer, acks: -1 });
    at.network.heal("b1", "b2");
    await at.pass(100);
    expect(await again).toMatchObject({ ...ok, baseOffset: 0 });
    expect(at.values(2)).toEqual(["a"]);
  });

  test("K-05: a new leader whose high watermark lags never calls a known offset out of range", async () => {
    const at = await ReplicatedTopic.start({ brokers: [1, 2] });
    await at.appended(1, ["a", "b"]);
    at.kill(1);
    at.elect(2, [1, 2]);
    expect(at.partition(2).highIsCurrent).toBe(false);
    const options = { bytesMax: 1000, oneBatchAtLeast: true, leaderEpoch: 2, lastFetchedEpoch: -1 } as const;
    const read = (offset: number): number =>
      at.partition(2).read({ ...options, offset, isolation: "uncommitted" }).error;
    expect(read(2)).toBe(ErrorCode.NONE);
    expect(read(3)).toBe(ErrorCode.OFFSET_NOT_AVAILABLE);
    at.setIsr([2]);
    expect(at.partition(2).highIsCurrent).toBe(true);
    expect(read(3)).toBe(ErrorCode.OFFSET_OUT_OF_RANGE);
  });

  test("a read names the leader epoch it wants and is fenced by it", async () => {
    const at = await ReplicatedTopic.start({ brokers: [1] });
    at.elect(1);
    await at.appended(1, ["a"]);
    const read = (leaderEpoch: number, lastFetchedEpoch = -1, offset = 0) =>
      at.partition(1).read({
        offset,
        bytesMax: 1000,
        oneBatchAtLeast: true,
        leaderEpoch,
        lastFetchedEpoch,
        isolation: "uncommitted",
      });
    expect(read(1).error).toBe(ErrorCode.FENCED_LEADER_EPOCH);
    expect(read(3).error).toBe(ErrorCode.UNKNOWN_LEADER_EPOCH);
    expect(read(2).records).not.toBeNull();
    expect(read(2, 1, 1).diverging).toEqual({ epoch: 1, endOffset: 0 });
  });

  test("an orderly end and start keep everything, high watermark included", async () => {
    const at = await ReplicatedTopic.start({ brokers: [1] });
    await at.appended(1, ["a", "b"]);
    await at.stop(1);
    await at.boot(1);
    await at.until(() => at.partitionOrNull(1) !== null);
    expect([at.partition(1).end, at.partition(1).high.value]).toEqual([2, 2]);
  });
});
