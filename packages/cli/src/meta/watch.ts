import { Failure } from "../terminal/failure.ts";
import { print, printJsonLine, type OutputOptions } from "../terminal/output.ts";
import { withOpenSession } from "./connection.ts";
import { compacted } from "./past.ts";
import { changesOf, type Change } from "./show.ts";
import type { MetaOptions } from "./target.ts";

export type WatchOptions = MetaOptions &
  OutputOptions & { path: string; recursive: boolean; "from-rev": number | undefined; count: number | undefined };

/** Prints every change under a path until interrupted, or until `count` of them; with `-o json` one object per line. */
export function watchTree(options: WatchOptions): Promise<void> {
  const { path, recursive, "from-rev": fromRevision } = options;
  return withOpenSession(options, async (session) => {
    const watch = session.watch({ path, recursive, ...(fromRevision === undefined ? {} : { fromRevision }) });
    const interrupt = (): void => watch.close();
    process.once("SIGINT", interrupt);
    let left = options.count ?? Infinity;
    // Without a revision to go on from, the first event is how things are: that is not a change.
    let isKnown = fromRevision !== undefined;
    for await (const event of watch) {
      if (event.is === "compacted") throw compacted(fromRevision ?? 0, event.oldest);
      const changes = isKnown || event.is !== "snapshot" ? changesOf(event) : [];
      isKnown = true;
      for (const change of changes.slice(0, left)) await show(change, options);
      left -= Math.min(left, changes.length);
      if (left === 0) break;
    }
    process.off("SIGINT", interrupt);
    watch.close();
    if (left > 0) throw new Failure("interrupted", "watch ended");
  });
}

function show(change: Change, { output }: OutputOptions): Promise<void> {
  if (output === "json") return printJsonLine(change);
  if (output === "name") return print(`${change.path}\n`);
  const { revision, change: what, path, version, data } = change;
  const shown = data === undefined || data === "" ? "" : `  ${typeof data === "string" ? data : JSON.stringify(data)}`;
  return print(`${revision}  ${what}  ${path}${version === undefined ? "" : `  v${version}`}${shown}\n`);
}
