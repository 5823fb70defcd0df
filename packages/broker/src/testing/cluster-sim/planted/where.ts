import type { PlantedBug } from "@odradek/kit/simulation";

import type { ClusterPlan } from "../cluster-plan.ts";
import { compactionBugs } from "./compaction-bugs.ts";

type Where = (plan: ClusterPlan) => boolean;

/** Batches go while their producers still wait to hear of them. */
const evicts: Where = ({ settings }) => Number(settings["log.retention.ms"] ?? Infinity) < 500;

/** Leaders stand still more often than not. */
const wakes: Where = ({ schedule }) =>
  schedule.filter(({ fault }) => fault === "pauseLeader").length * 2 > schedule.length;

const isCompacted: Where = ({ compaction }) => compaction !== null;

/** Bugs that show in few worlds, and in which. */
const worlds: Readonly<Record<string, Where>> = {
  producersNotTold: evicts,
  toldProducersNotKept: evicts,
  retentionForgets: evicts,
  bufferGoneBeforeWrite: wakes,
  ...Object.fromEntries(compactionBugs.map(({ name }) => [name, isCompacted])),
};

export const canShowIn = (bug: PlantedBug, plan: ClusterPlan): boolean => worlds[bug.name]?.(plan) ?? true;
