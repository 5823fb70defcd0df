import type { Clock, Files, Kv, Logger, Random, Rpc, RpcServer } from "@odradek/kit";

import type { PeerLinks } from "../peers/links.ts";
import { RpcLinks } from "../peers/rpc-links.ts";
import { type OpenedStore, openStore } from "../store/open-store.ts";
import { Compaction, type CompactionLimits, defaultCompaction } from "./compaction.ts";
import type { Loading, Member, StateMachine } from "./consensus.ts";
import { RaftCore } from "./core.ts";
import { RaftDriver } from "./driver.ts";
import { defaultLimits, defaultTiming, type PlantedBugs, type RaftLimits, type RaftTiming } from "./options.ts";

type Shared<Result> = {
  id: number;
  stateMachine: StateMachine<Result>;
  /** Ours from now on, but closing it stays with the caller, after `close`. */
  kv: Kv;
  files: Files;
  /** Where `raft-mark` lives; made when it is missing. */
  directory: string;
  clock: Clock;
  random: Random;
  logger: Logger;
  limits?: Partial<RaftLimits> & Partial<CompactionLimits>;
  timing?: Partial<RaftTiming>;
  /** This node comes to a cluster that exists: it founds none, and waits to be added. */
  joining?: boolean;
  /** The disk failed and the node stopped; unless given, the error is thrown outside of any call and ends the process. */
  onFailed?: (error: Error) => void;
};

/**
 * Starts one member of the quorum. A cluster begins when all of `members`, the same on all nodes, have met with empty disks; from then on
 * its log says who belongs to it, and `members` only adds addresses. Rejects when the store can't be read, or is damaged and there is nobody to recover from.
 * The streams of other members are registered with `rpcServer`, which the caller lets listen afterwards.
 */
export async function startConsensus<Result>(
  options: Shared<Result> & { members: readonly Member[]; rpcServer: RpcServer; rpc: Rpc },
): Promise<RaftDriver<Result>> {
  const { members, rpcServer: server } = options;
  const memberIds = members.map((member) => member.id);
  return startOnLinks({ ...options, memberIds, links: () => new RpcLinks({ ...options, server }) });
}

/** The same on any links. They are made after the store was opened. */
export async function startOnLinks<Result>(
  options: Shared<Result> & { memberIds: readonly number[]; links: () => PeerLinks; planted?: PlantedBugs },
): Promise<RaftDriver<Result>> {
  const { id, memberIds: members, joining = false, clock, random, logger, stateMachine, planted = {} } = options;
  const loading = stateMachine.loading();
  const opened = await openStore({ ...options, alone: members.length === 1, onStateRow: loading.add });
  await using ifFailed = new AsyncDisposableStack();
  ifFailed.defer(() => opened.store.close());
  await loadState(stateMachine, loading, opened);
  const limits = { ...defaultLimits, ...options.limits };
  const timing = { ...defaultTiming, ...options.timing };
  const core = new RaftCore({ id, members, joining, timing, limits, random, planted }, opened.restored, clock.now());
  const driver = new RaftDriver({
    core,
    store: opened.store,
    links: options.links(),
    stateMachine,
    clock,
    logger,
    compaction: new Compaction({ ...defaultCompaction, ...options.limits }, opened.restored.snapshotIndex),
    onFailed: options.onFailed ?? throwOutside(clock),
  });
  ifFailed.move();
  return driver;
}

/** The rows as they are, or the snapshot that they can be made from again. */
async function loadState(stateMachine: StateMachine<unknown>, loading: Loading, opened: OpenedStore): Promise<void> {
  const { rebuildFrom, restored, store } = opened;
  if (rebuildFrom) {
    const writes = stateMachine.restore(rebuildFrom.data);
    await store.replaceState(restored.applied, writes);
    return;
  }
  // Before the first applied entry there is no state, whatever an unadmitted disk holds.
  (restored.applied === 0 ? stateMachine.loading() : loading).finish();
}

const throwOutside =
  (clock: Clock) =>
  (error: Error): void => {
    clock.afterTick(() => {
      throw error;
    });
  };
