import type { Operation, Outcome, Session } from "@odradek/metadata/client";

export type Lock = {
  /** Greater than that of every holder before. Whatever is guarded outside of the store refuses a smaller one than it has seen. */
  token: number;
  /** Holds while the lock is held: the first operation of every guarded multi. */
  guard: Operation;
  release(): Promise<void>;
};

/** Waits until the lock at `path`, an existing node, is ours. Rejects when the session ends first. */
export async function acquire(session: Session, path: string): Promise<Lock> {
  const place = await session.create(`${path}/wait-`, Buffer.alloc(0), { ephemeral: true, sequential: true });
  if (place.is !== "done") throw new Error(`no place in the queue at ${path}: ${JSON.stringify(place)}`);
  const mine = place.results[0]!.path;
  for (;;) {
    const queue = (await session.children(path)).map((name) => `${path}/${name}`);
    if (!queue.includes(mine)) throw new Error(`someone deleted ${mine}`);
    const before = queue[queue.indexOf(mine) - 1];
    if (before === undefined) break;
    await gone(session, before);
  }
  const guard: Operation = { is: "check", path: mine, version: 1 };
  return { token: place.revision, guard, release: async () => void (await session.delete(mine, "any")) };
}

/** All operations, or none when the lock is not held any more: then the outcome is `failed` at 0. */
export function guarded(session: Session, lock: Lock, operations: Operation[]): Promise<Outcome> {
  return session.multi([lock.guard, ...operations]);
}

/** Resolves when the node is gone. Everyone watches the one before: a release wakes one waiter, not all. */
async function gone(session: Session, path: string): Promise<void> {
  for await (const event of session.watch({ path, recursive: false })) {
    if (event.is === "snapshot" && event.nodes.length === 0) return;
    if (event.is === "changes" && event.deleted.includes(path)) return;
  }
  throw new Error("the session ended before the lock was free");
}
