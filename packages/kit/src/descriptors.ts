import { readFileSync } from "node:fs";

/**
 * Kept back for what is neither a file of a log nor a client's connection: 64 connections for probes (a server takes no more), and as much again for the
 * process itself, its streams to other nodes, and files that are open for a moment in the thread pool.
 */
export const DESCRIPTORS_RESERVED = 128;

/** Where the system does not say: what macOS gives a process at the least, far below what servers are given. */
const LIMIT_UNKNOWN = 4096;

/** However low the limit is, with less than this nothing works. */
const SHARE_LEAST = 16;

/**
 * How the descriptors of this process are shared out. Files and connections get half each: a file that has to be opened again costs
 * microseconds, a connection that is turned away costs a client its service, but most clients have few and a broker has thousands of files.
 */
export function descriptorShares(limit = descriptorLimit()): { files: number; connections: number } {
  const share = Math.max(SHARE_LEAST, Math.floor((limit - DESCRIPTORS_RESERVED) / 2));
  return { files: share, connections: share };
}

/** How many descriptors this process may have; Node has raised it to the hard limit when it started. */
export function descriptorLimit(): number {
  try {
    const limit = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    return limit === undefined ? LIMIT_UNKNOWN : limit === "unlimited" ? Infinity : Number(limit);
  } catch {
    return LIMIT_UNKNOWN;
  }
}
