import { NodeFiles } from "@odradek/kit";
import { accessSync, constants, existsSync, readdirSync, statSync } from "node:fs";
import { Failure } from "../terminal/failure.ts";
import { signal, stateOf } from "./process-identity.ts";
import { readState } from "./state-file.ts";

/** One `dev` at a time per data directory. */
export function refuseSecond(dataDir: string): void {
  const state = readState(dataDir);
  if (!state || stateOf(state.dev) === "gone") return;
  const where = `${dataDir} is in use by \`odradek dev\` (process ${state.dev.pid})`;
  throw new Failure("conflict", `${where}: stop it, or give this one another --data-dir`);
}

/** Makes the directories of a cluster: what cannot be made or written is told before any node starts. */
export function prepareDataDir(dataDir: string, logRoot: string): void {
  try {
    new NodeFiles().makeDirectory(logRoot);
    for (const directory of [dataDir, logRoot]) accessSync(directory, constants.W_OK);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Failure("runtime", `--data-dir ${dataDir} cannot be used: ${why}`, { cause });
  }
}

/**
 * Ends what a killed `dev` left: nodes end themselves when their pipe to it closes, unless they were paused.
 * Returns the names of those it found.
 */
export function clearLeftovers(dataDir: string): string[] {
  const state = readState(dataDir);
  const left = (state?.nodes ?? []).filter((node) => signal(node.process, "SIGKILL"));
  return left.map(({ role, id }) => `${role} ${id}`);
}

/** The members of a quorum are part of its data: three nodes cannot go on as one, nor one as three. */
export function refuseOtherQuorum(dataRoot: string, metadata: number): void {
  const isThere = existsSync(dataRoot) && statSync(dataRoot).isDirectory();
  const present = (isThere ? readdirSync(dataRoot) : []).filter((name) => /^metadata-\d+$/.test(name)).length;
  if (present === 0 || present === metadata) return;
  throw new Failure(
    "conflict",
    `${dataRoot} belongs to a cluster of ${present} metadata nodes: start with --metadata ${present} or another --data-dir`,
  );
}
