import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Failure } from "../terminal/failure.ts";
import { stateOf, type ProcessIdentity } from "./process-identity.ts";

export type NodeRole = "metadata" | "broker";

export type NodeState = {
  role: NodeRole;
  id: number;
  /** The last process of this node; it may be gone. */
  process: ProcessIdentity;
  /** As started: where clients reach it, and its HTTP address for health. */
  address: string;
  url: string;
  ports: Record<string, number>;
  logFile: string;
};

/** What a running `odradek dev` tells the other commands. */
export type DevState = {
  dev: ProcessIdentity;
  /** Where it takes requests to restart a node; the token keeps out whoever cannot read this file. */
  control: { port: number; token: string };
  nodes: NodeState[];
};

export const defaultDataDir = ".odradek";
const fileName = "dev.json";

/** Replaces the file of a data directory that exists in one step, readable by its owner only. */
export function writeState(dataDir: string, state: DevState): void {
  const path = join(dataDir, fileName);
  writeFileSync(`${path}.new`, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

export function removeState(dataDir: string): void {
  rmSync(join(dataDir, fileName), { force: true });
}

/** The file's content, whether or not its `dev` is still alive. */
export function readState(dataDir: string): DevState | null {
  const path = join(dataDir, fileName);
  if (!existsSync(path)) return null;
  try {
    return JSON.parse(readFileSync(path, "utf8")) as DevState;
  } catch (cause) {
    throw new Failure("runtime", `${path} cannot be read: ${(cause as Error).message}; delete it if no cluster runs`, {
      cause,
    });
  }
}

/** The running cluster of a data directory or, without one, of the nearest `.odradek` from here upwards; null if none runs. */
export function findRunning(dataDir?: string): DevState | null {
  const found = dataDir === undefined ? nearestDataDir(process.cwd()) : resolve(dataDir);
  const state = found === null ? null : readState(found);
  return state !== null && stateOf(state.dev) !== "gone" ? state : null;
}

export function requireRunning(dataDir?: string): DevState {
  const state = findRunning(dataDir);
  if (state) return state;
  const where = dataDir === undefined ? "here" : `in ${dataDir}`;
  throw new Failure("cannotConnect", `no cluster of \`odradek dev\` runs ${where}: start one with \`npm start\``);
}

/** Whether commands that are typed here find the cluster of this directory without being told of it. */
export function isFoundHere(dataDir: string): boolean {
  return nearestDataDir(process.cwd()) === dataDir;
}

function nearestDataDir(from: string): string | null {
  const here = join(from, defaultDataDir);
  if (existsSync(join(here, fileName))) return here;
  return dirname(from) === from ? null : nearestDataDir(dirname(from));
}
