import type { Clock, Files, Logger, Random } from "@odradek/kit";
import type { ReadPool } from "../disk/read-pool.ts";
import type { DerivedState } from "./derived-state.ts";
import type { LogConfig } from "./log-config.ts";
import type { Turns } from "./turns.ts";

/** What a log is opened with. */
export type LogOptions = {
  /** The partition's own directory; it exists. */
  directory: string;
  files: Files;
  clock: Clock;
  random: Random;
  logger: Logger;
  pool: ReadPool;
  /** Asked again at every use, so that a changed topic configuration counts at once. */
  config: () => LogConfig;
  derived: DerivedState;
  /** Logs that sync at the same time take turns. */
  syncs: Turns;
  /** synced: nothing is acknowledged, to clients or leaders, that a power loss could take back (odradek.flush=group). */
  acknowledges: "written" | "synced";
  /** The last process closed the log in order. */
  cleanShutdown: boolean;
  /** Records below it were on stable storage; what is above is checked unless `cleanShutdown`. */
  recoveryPoint: number;
  /** The disk may have failed since: recovery writes again what the page cache has; default false. */
  rewrites?: boolean;
  /** The log start offset as saved; default 0. */
  startOffset?: number;
};
