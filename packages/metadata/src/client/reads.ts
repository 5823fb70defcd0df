import { assert } from "@odradek/kit";
import type { ClientFrame } from "./frames.ts";
import type { ReadAnswer } from "./requests.ts";
import type { LogOptions, LogRow, OfPast, Znode } from "./types.ts";
import { fromWireZnode } from "./wire.ts";

type Ask = (number: number) => ClientFrame;

/** Asks for a node, or for the names of its children; as they were when a revision is given. */
export const readOf =
  (path: string, isChildren: boolean, revision?: number): Ask =>
  (number) => ({
    is: "read",
    read: { number, path, children: isChildren, ...(revision === undefined ? {} : { revision }) },
  });

export function node(answer: ReadAnswer): Znode | null {
  assert(answer.is === "found", "a read of the present finds or finds nothing");
  return answer.found.node ? fromWireZnode(answer.found.node) : null;
}

export function children(answer: ReadAnswer): string[] {
  assert(answer.is === "found", "a read of the present finds or finds nothing");
  return answer.found.children;
}

/** What a read of `revision` came to. */
export function ofPast<T>(revision: number, answer: ReadAnswer, value: (answer: ReadAnswer) => T): OfPast<T> {
  if (answer.is !== "unreadable") return { is: "found", value: value(answer) };
  const { oldest, newest } = answer.unreadable;
  return revision > newest ? { is: "future", newest } : { is: "compacted", oldest };
}

/** Reads page after page; the last row of one says where the next begins. */
export async function readLog(
  { path, recursive, afterRevision, sinceMs = 0 }: LogOptions,
  read: (ask: Ask) => Promise<ReadAnswer>,
): Promise<OfPast<LogRow[]>> {
  const rows: LogRow[] = [];
  let cursor = { afterPath: "", ...(afterRevision === undefined ? {} : { afterRevision }) };
  for (;;) {
    const from = cursor;
    const answer = await read((number) => ({ is: "readLog", readLog: { number, path, recursive, sinceMs, ...from } }));
    if (answer.is !== "logPage") return ofPast(from.afterRevision ?? 0, answer, () => rows);
    for (const { kind, session, ...row } of answer.logPage.rows)
      rows.push({ ...row, kind: kind as LogRow["kind"], session: session === "" ? null : session });
    if (answer.logPage.last) return { is: "found", value: rows };
    const { revision, path: afterPath } = rows.at(-1)!;
    cursor = { afterRevision: revision - 1, afterPath };
  }
}
