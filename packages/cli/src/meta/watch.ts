import { Failure } from "../terminal/failure.ts";
import { print, printJsonLine, type OutputOptions } from "../terminal/output.ts";
import { withOpenSession } from "./connection.ts";
import { compacted, foundOrFail, type StoreSession } from "./past.ts";
import { changesOf, type Change } from "./show.ts";
import type { MetaOptions } from "./target.ts";

type Watching = OutputOptions & {
  path: string;
  recursive: boolean;
  "from-rev"?: number | undefined;
  count?: number | undefined;
};

/** Prints every change under a path until interrupted, or until `count` of them; with `-o json` one object per line. */
export function watchTree(options: MetaOptions & Watching): Promise<void> {
  return withOpenSession(options, async (session) => {
    const interruption = new AbortController();
    const interrupt = (): void => interruption.abort();
    process.once("SIGINT", interrupt);
    const isDone = await follow(session, options, interruption.signal);
    process.off("SIGINT", interrupt);
    if (!isDone) throw new Failure("interrupted", "watch ended");
  });
}

/** Whether `count` changes came before the interruption, or the end of the session. */
export async function follow(session: StoreSession, options: Watching, interruption: AbortSignal): Promise<boolean> {
  const { path, recursive, "from-rev": fromRevision, count = Infinity } = options;
  // A watch waits for a revision still to come, and shows nothing until then: a person who mistyped it would wait for ever.
  if (fromRevision !== undefined) foundOrFail(await session.getAt(path, fromRevision), fromRevision);
  if (interruption.aborted) return false;
  const watch = session.watch({ path, recursive, ...(fromRevision === undefined ? {} : { fromRevision }) });
  interruption.addEventListener("abort", () => watch.close());
  let left = count;
  // Without a revision to go on from, the first event is how things are: that is not a change.
  let isKnown = fromRevision !== undefined;
  for await (const event of watch) {
    if (event.is === "compacted") throw compacted(fromRevision ?? 0, event.oldest);
    const changes = isKnown || event.is !== "snapshot" ? changesOf(event) : [];
    isKnown = true;
    for (const change of changes.slice(0, left)) await show(change, options);
    left -= Math.min(left, changes.length);
    if (left === 0) return true;
  }
  return false;
}

function show(change: Change, { output }: OutputOptions): Promise<void> {
  if (output === "json") return printJsonLine(change);
  if (output === "name") return print(`${change.path}\n`);
  const { revision, change: what, path, version, data } = change;
  const shown = data === undefined || data === "" ? "" : `  ${typeof data === "string" ? data : JSON.stringify(data)}`;
  return print(`${revision}  ${what}  ${path}${version === undefined ? "" : `  v${version}`}${shown}\n`);
}
