import type { OfPast, Past, Session, Znode } from "@odradek/metadata/client";
import { Failure } from "../terminal/failure.ts";

export type StoreSession = Session & Past;

/** The tree as it is, or as it was at some revision. */
export type TreeReader = {
  /** For messages: " at revision 7", or nothing. */
  when: string;
  get(path: string): Promise<Znode | null>;
  children(path: string): Promise<string[]>;
};

/** Reads through `session`: at `revision` when one is given. */
export function readerOf(session: StoreSession, revision: number | undefined): TreeReader {
  if (revision === undefined)
    return { when: "", get: (path) => session.get(path), children: (path) => session.children(path) };
  return {
    when: ` at revision ${revision}`,
    get: async (path) => foundOrFail(await session.getAt(path, revision), revision),
    children: async (path) => foundOrFail(await session.childrenAt(path, revision), revision),
  };
}

export async function nodeOrFail(reader: TreeReader, path: string): Promise<Znode> {
  const node = await reader.get(path);
  if (node === null) throw new Failure("notFound", `there is no ${path}${reader.when}`);
  return node;
}

/** The value; a Failure when the revision is not one that can be read. */
export function foundOrFail<T>(past: OfPast<T>, revision: number): T {
  if (past.is === "found") return past.value;
  if (past.is === "compacted") throw compacted(revision, past.oldest);
  throw new Failure("notFound", `revision ${revision} is still to come: the newest is ${past.newest}`);
}

export function compacted(revision: number, oldest: number): Failure {
  return new Failure("notFound", `COMPACTED: revision ${revision} is gone; the oldest that can be read is ${oldest}`);
}
