import type { Clock, Logger, Random } from "@odradek/kit";
import { randomUuid } from "@odradek/kit";
import type { ErrorCode } from "@odradek/protocol";
import type { GroupRecord } from "./records.ts";
import type { Timers } from "./timers.ts";

export type GroupLimits = {
  readonly initialRebalanceDelayMs: number;
  readonly sessionTimeoutMsMin: number;
  readonly sessionTimeoutMsMax: number;
  readonly membersMax: number;
  readonly offsetMetadataBytesMax: number;
  readonly offsetsRetentionMs: number;
};

/** What the decisions about groups work with: time, chance, bounds, and the log that remembers them. */
export type Desk = {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly timers: Timers;
  readonly limits: GroupLimits;
  /**
   * Appends the records and applies them at once; resolves when they are committed. Any other outcome than NONE is the end of
   * the shard: it forgets everything and is loaded anew.
   */
  persist(records: readonly GroupRecord[]): Promise<ErrorCode>;
};

/** Kafka's form of member ids: who it is for people, and what makes it unique (KAFKA-8715). */
export function newMemberId(desk: Desk, name: string): string {
  const hex = randomUuid(desk.random).toString("hex");
  return `${name}-${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
