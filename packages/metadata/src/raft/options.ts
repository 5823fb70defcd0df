import type { Random } from "@odradek/kit";

/** Milliseconds. */
export type RaftTiming = {
  heartbeatMs: number;
  /** A follower waits a random time in [min, max) before it believes that its leader is gone. */
  electionMsMin: number;
  electionMsMax: number;
  /** After a refused connection to the leader: a random wait in [0, this) before a pre-vote. */
  deathHintMs: number;
  /** A write this old means a hung disk: a leader steps down, nobody stands for election (RELIABILITY R-19). */
  diskStallMs: number;
  snapshotRetryMs: number;
  /** A node that starts waits so long for the others to say how far they are before it votes; one that lost something waits for all of them. */
  rollCallMs: number;
};

export type RaftLimits = {
  /** One proposal's data. Must fit into a message of the transport (RELIABILITY R-27). */
  entryBytesMax: number;
  appendEntriesMax: number;
  appendBytesMax: number;
  /** Sent to one follower and not acknowledged. */
  inFlightMessagesMax: number;
  inFlightBytesMax: number;
  /** Proposed and not yet committed; more is "busy". */
  uncommittedEntriesMax: number;
  uncommittedBytesMax: number;
  /** Entries handed over to be applied in one piece. */
  applyEntriesMax: number;
  applyBytesMax: number;
  /** So much log stays for followers that are being served, beyond the usual tail. */
  logBytesMax: number;
  snapshotChunkBytes: number;
  snapshotBytesMax: number;
  readsMax: number;
  /** Voters and learners. All their addresses must fit into the mark. */
  membersMax: number;
  /** A learner this many entries behind is not promoted: as a voter it would hold up what it should help to commit. */
  promotionLagMax: number;
  /** Every so many entries replicas compare digests of their state (RELIABILITY R-26). */
  digestEntries: number;
};

/** For tests that tell what these rules are good for; never set elsewhere. Bugs are planted by the simulator (docs/simulation.md). */
export type PlantedBugs = {
  changeBeforeOwnTerm?: boolean;
  /** A node votes at once when it starts. */
  noRollCall?: boolean;
};

export type RaftOptions = {
  id: number;
  /** Whoever founds the cluster; from then on its log says who belongs to it. */
  members: readonly number[];
  /** This node comes to a cluster that exists: it founds none, and waits to be added. */
  joining?: boolean;
  timing: RaftTiming;
  limits: RaftLimits;
  random: Random;
  planted?: PlantedBugs;
};

export const defaultTiming: RaftTiming = {
  heartbeatMs: 100,
  electionMsMin: 500,
  electionMsMax: 1000,
  deathHintMs: 50,
  diskStallMs: 1500,
  snapshotRetryMs: 1000,
  rollCallMs: 2000,
};

const KIB = 1024;
const MIB = 1024 * KIB;

export const defaultLimits: RaftLimits = {
  entryBytesMax: 2 * MIB,
  appendEntriesMax: 1000,
  appendBytesMax: 256 * KIB,
  inFlightMessagesMax: 64,
  inFlightBytesMax: 4 * MIB,
  uncommittedEntriesMax: 10_000,
  uncommittedBytesMax: 32 * MIB,
  applyEntriesMax: 1000,
  applyBytesMax: 4 * MIB,
  logBytesMax: 64 * MIB,
  snapshotChunkBytes: 256 * KIB,
  snapshotBytesMax: 1024 * MIB,
  readsMax: 10_000,
  membersMax: 9,
  promotionLagMax: 1000,
  digestEntries: 1000,
};
