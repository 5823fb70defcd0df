import type { ResponseOf } from "@odradek/protocol";
import { MetadataApi } from "@odradek/protocol/messages/metadata";
import { type Address, ask } from "./wire.ts";

export type Picture = ResponseOf<typeof MetadataApi>;
type PartitionPicture = Picture["topics"][number]["partitions"][number];

export const WAIT_MS_MAX = 600_000;
const POLL_MS = 50;

/** All topics as a broker sees them. */
export const pictureOf = (from: Address): Promise<Picture> =>
  ask(from, MetadataApi, 9, { topics: null, allowAutoTopicCreation: false }, { timeoutMs: WAIT_MS_MAX });

export const partitionsIn = (picture: Picture): PartitionPicture[] =>
  picture.topics.flatMap(({ partitions }) => partitions);

export const isInSync =
  (replicas: number) =>
  ({ leaderId, isrNodes }: PartitionPicture): boolean =>
    leaderId >= 0 && isrNodes.length === replicas;

/** Milliseconds until the broker says it of every partition; `what` names it in an error. */
export function until(what: string, from: Address, holds: (partition: PartitionPicture) => boolean): Promise<number> {
  return step(what, async () => {
    for (const endMs = performance.now() + WAIT_MS_MAX; performance.now() < endMs;) {
      if (partitionsIn(await pictureOf(from)).every(holds)) return;
      await new Promise((again) => setTimeout(again, POLL_MS));
    }
    throw new Error(`waited ${seconds(WAIT_MS_MAX)} in vain`);
  });
}

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

/** The same; when it fails, the error names the step. */
export const step = (name: string, work: () => Promise<unknown>): Promise<number> =>
  timed(work).catch((cause: unknown) => {
    throw new Error(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  });

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
