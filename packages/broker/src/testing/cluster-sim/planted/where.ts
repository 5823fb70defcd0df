import type { PlantedBug } from "@odradek/kit/simulation";

import type { ClusterPlan } from "../cluster-plan.ts";
import type { Fault } from "../schedule.ts";
import { compactionBugs } from "./compaction-bugs.ts";
import { moveBugs } from "./move-bugs.ts";

type Where = (plan: ClusterPlan) => boolean;

/** Batches go while their producers still wait to hear of them. */
const evicts: Where = ({ settings }) => Number(settings["log.retention.ms"] ?? Infinity) < 500;

const isCompacted: Where = ({ compaction }) => compaction !== null;
const isCompactedSlowly: Where = (plan) => isCompacted(plan) && [...plan.syncMs.values()].every((ms) => ms >= 10);
const hasRacks: Where = (plan) => plan.hasRacks;
const moves: Where = ({ movesEveryMs }) => movesEveryMs !== null;

const has =
  (what: Fault): Where =>
  ({ schedule }) =>
    schedule.some(({ fault }) => fault === what);

/** What counts is on disks, and the power goes again and again. */
const losesPower: Where = ({ isDurable, schedule }) =>
  isDurable && schedule.filter(({ fault }) => fault.startsWith("losePower")).length > 3;

/** Syncs fail, and what counts is on disks and outlives a loss of power. */
const failsToSync: Where = (plan) => plan.isDurable && has("syncFails")(plan) && has("losePowerAll")(plan);

/** Followers turn to another leader while their slow disks sync. */
const handsOver: Where = (plan) => plan.isDurable && has("rolling")(plan) && has("losePowerAll")(plan);

const losesDirectory: Where = (plan) => plan.directories > 1 && has("diskDies")(plan);

const losesOneForGood: Where = ({ diskStaysDead }) => diskStaysDead;

/** Bugs that show in few worlds, and in which. */
const worlds: Readonly<Record<string, Where>> = {
  producersNotTold: evicts,
  toldProducersNotKept: evicts,
  retentionForgets: evicts,
  ...Object.fromEntries(compactionBugs.map(({ name }) => [name, isCompacted])),
  attachAhead: handsOver,
  cleanMarkerStays: handsOver,
  statesSurviveTruncation: has("deposeLeader"),
  epochsSurviveTruncation: has("deposeLeader"),
  truncationKeepsBatch: has("deposeLeader"),
  swapThrownAway: isCompactedSlowly,
  recoveryPointAhead: handsOver,
  lossyLeads: has("losePowerFirstBack"),
  lossNotTold: has("losePowerFirstBack"),
  checksumsNotRecovered: losesPower,
  namesNotSynced: losesPower,
  failedSyncIsGood: failsToSync,
  failedSyncNotRepeated: failsToSync,
  shortWriteIsWhole: has("diskFull"),
  offlineUntold: losesOneForGood,
  lostMadeAnew: losesDirectory,
  followerServesUncommitted: hasRacks,
  ...Object.fromEntries(moveBugs.map(({ name }) => [name, moves])),
};

export const canShowIn = (bug: PlantedBug, plan: ClusterPlan): boolean => worlds[bug.name]?.(plan) ?? true;
