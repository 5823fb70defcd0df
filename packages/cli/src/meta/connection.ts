import { silentLogger, SystemClock, SystemRandom } from "@odradek/kit";
import { limits, openSession, type Outcome } from "@odradek/metadata/client";
import { grpcRpc } from "@odradek/rpc";
import { Failure, type FailureKind } from "../terminal/failure.ts";
import type { StoreSession } from "./past.ts";
import { membersOf, timeoutMsOf, type MetaOptions } from "./target.ts";

export const rpc = grpcRpc();

/** One session for one command, which has until `--timeout`; what the session owned goes with it. */
export function withSession<T>(options: MetaOptions, work: (session: StoreSession) => Promise<T>): Promise<T> {
  return withOpenSession(options, (session) => within(work(session), timeoutMsOf(options)));
}

/** The same for a command that watches: only finding the leader has a deadline. */
export async function withOpenSession<T>(
  options: MetaOptions,
  work: (session: StoreSession) => Promise<T>,
): Promise<T> {
  const session = await openStoreSession(options);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/** Rejects with a Failure that names the members when none leads in time. */
export async function openStoreSession(options: MetaOptions): Promise<StoreSession> {
  const members = membersOf(options);
  try {
    return await openSession({
      members,
      rpc,
      clock: new SystemClock(),
      random: new SystemRandom(),
      logger: silentLogger,
      connectTimeoutMs: timeoutMsOf(options),
      name: "odradek-cli",
    });
  } catch (cause) {
    throw new Failure("cannotConnect", cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** The work's result, or a Failure at the deadline. */
export async function within<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Failure("timeout", `the metadata nodes did not answer within ${timeoutMs} ms`)),
    timeoutMs,
  );
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

const refusals: Record<string, [FailureKind, string]> = {
  NO_NODE: ["notFound", "there is no such node"],
  NO_PARENT: ["notFound", "its parent does not exist"],
  NODE_EXISTS: ["conflict", "it exists already"],
  BAD_VERSION: ["conflict", "it has another version"],
  EPHEMERAL_PARENT: ["conflict", "its parent is ephemeral and has no children"],
  BAD_PATH: [
    "usage",
    `no such path can be: at most ${limits.pathDepthMax} levels and ${limits.pathBytesMax} bytes; no name is . or .. or has control characters`,
  ],
  TOO_LARGE: [
    "usage",
    `too large: a node holds at most ${limits.nodeBytesMax} bytes, a recursive delete takes at most ${limits.recursiveDeleteMax} nodes, ` +
      `a change replaces at most ${limits.replacedBytesMax} bytes, and the store has at most ${limits.nodesMax} nodes`,
  ],
  NOT_EMPTY: ["conflict", "it has children"],
  NO_SPACE: [
    "unhealthy",
    "too little disk space is left on a majority of the metadata nodes: while it is `low`, nothing is taken that makes the tree larger, and while " +
      "it is `full`, nothing that writes, not even a delete. `odradek meta status` shows which it is; free some, and it goes on by itself",
  ],
};

/** The result of the last operation of a write that was done; everything else is a Failure. */
export function doneOrFail(outcome: Outcome): { path: string; version: number; revision: number } {
  if (outcome.is === "done") return { ...outcome.results.at(-1)!, revision: outcome.revision };
  if (outcome.is === "unknown")
    throw new Failure("runtime", "the session ended on the way: read again to see whether it was done");
  const [kind, why] = refusals[outcome.failure] ?? ["usage", "refused"];
  throw new Failure(kind, `${outcome.path}: ${why} (${outcome.failure})`);
}
