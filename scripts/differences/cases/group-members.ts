import { Writer } from "@odradek/protocol";
import { JoinGroupApi } from "@odradek/protocol/messages/join-group";
import { OffsetCommitApi } from "@odradek/protocol/messages/offset-commit";
import { SyncGroupApi } from "@odradek/protocol/messages/sync-group";
import type { Scene } from "../stage.ts";

export type Member = { group: string; broker: number; memberId: string };

/** What a consumer of one topic says of itself: its subscription, version 0. */
export function consumerOf(topic: string): Buffer {
  const w = new Writer();
  w.int16(0);
  w.int32(1);
  w.int16(Buffer.byteLength(topic));
  w.copy(Buffer.from(topic));
  w.int32(-1);
  return w.concat();
}

/** The only member of a new, stable group, in generation 1. */
export async function member(
  stage: Scene,
  suffix: string,
  { topic = "t", instanceId = null }: { topic?: string; instanceId?: string | null } = {},
): Promise<Member> {
  const group = stage.name(suffix);
  const broker = await stage.coordinator(group);
  const asked = (memberId: string) => ({
    groupId: group,
    sessionTimeoutMs: 30_000,
    rebalanceTimeoutMs: 30_000,
    memberId,
    groupInstanceId: instanceId,
    protocolType: "consumer",
    protocols: [{ name: "range", metadata: consumerOf(topic) }],
  });
  const first = await stage.call(JoinGroupApi, 5, asked(""), broker);
  const { memberId } = first;
  if (first.errorCode !== 0) await stage.call(JoinGroupApi, 5, asked(memberId), broker);
  const assignments = [{ memberId, assignment: Buffer.from("all") }];
  const synced = await stage.call(
    SyncGroupApi,
    3,
    { groupId: group, memberId, groupInstanceId: instanceId, generationId: 1, assignments },
    broker,
  );
  if (synced.errorCode !== 0) throw new Error(`${group} has no member: ${synced.errorCode}`);
  return { group, broker, memberId };
}

/** Offset 5 of partition 0, committed for a group without members. */
export async function commit(
  stage: Scene,
  { group, broker, topic }: { group: string; broker: number; topic: string },
): Promise<void> {
  const partitions = [{ partitionIndex: 0, committedOffset: 5, committedLeaderEpoch: 0, committedMetadata: "m" }];
  const request = { groupId: group, memberId: "", topics: [{ name: topic, partitions }] };
  const { topics } = await stage.call(OffsetCommitApi, 7, request, broker);
  const { errorCode } = topics[0]!.partitions[0]!;
  if (errorCode !== 0) throw new Error(`committing for ${group}: ${errorCode}`);
}
