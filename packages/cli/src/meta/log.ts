import type { LogRow } from "@odradek/metadata/client";
import { durationMs } from "../terminal/duration.ts";
import { printList, type OutputOptions } from "../terminal/output.ts";
import { withSession } from "./connection.ts";
import { foundOrFail, type StoreSession } from "./past.ts";
import type { MetaOptions } from "./target.ts";

/** Where a log begins: after a revision, or that long ago. */
export type Since = { afterRevision?: number; sinceMs?: number };

/** `42` is a revision already seen, `10m` a time; without either, everything that is kept. */
export function parseSince(text: string | undefined, nowMs: number): Since {
  if (text === undefined) return {};
  if (/^\d+$/.test(text)) return { afterRevision: Math.min(Number(text), Number.MAX_SAFE_INTEGER) };
  return { sinceMs: Math.max(0, Math.trunc(nowMs - durationMs(text))) };
}

/** Who changed what at a path and below it, oldest first. */
export async function readLog(session: StoreSession, path: string, since: Since): Promise<LogRow[]> {
  const { afterRevision = 0 } = since;
  return foundOrFail(await session.log({ path, recursive: true, ...since }), afterRevision);
}

export function log(options: MetaOptions & OutputOptions & { path: string; since: string | undefined }): Promise<void> {
  const since = parseSince(options.since, Date.now());
  return withSession(options, async (session) => printLog(await readLog(session, options.path, since), options));
}

export function printLog(rows: readonly LogRow[], options: OutputOptions): Promise<void> {
  const shown = rows.map(({ timeMs, ...row }) => ({ ...row, time: new Date(timeMs).toISOString() }));
  return printList(shown, options, [
    ["REVISION", ({ revision }) => revision],
    ["TIME", ({ time }) => time],
    ["WHO", ({ name, session }) => name || (session ?? "the store")],
    ["CHANGE", ({ kind }) => kind],
    ["VERSION", ({ version }) => version],
    ["PATH", ({ path }) => path],
  ]);
}
