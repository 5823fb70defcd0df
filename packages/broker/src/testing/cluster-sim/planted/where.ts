import type { PlantedBug } from "@odradek/kit/simulation";

import type { ClusterPlan } from "../cluster-plan.ts";

/** Batches go while their producers still wait to hear of them. */
const evicts = ({ settings }: ClusterPlan): boolean => Number(settings["log.retention.ms"] ?? Infinity) < 500;

/** Leaders stand still more often than not. */
const wakes = ({ schedule }: ClusterPlan): boolean =>
  schedule.filter(({ fault }) => fault === "pauseLeader").length * 2 > schedule.length;

/** Bugs that show in few worlds, and in which. */
const worlds: Readonly<Record<string, (plan: ClusterPlan) => boolean>> = {
  producersNotTold: evicts,
  toldProducersNotKept: evicts,
  retentionForgets: evicts,
  bufferGoneBeforeWrite: wakes,
};

export const canShowIn = (bug: PlantedBug, plan: ClusterPlan): boolean => worlds[bug.name]?.(plan) ?? true;
