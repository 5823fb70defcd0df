import { must } from "@odradek/kit/simulation";

import type { LogRow, OfPast, Past, Znode } from "../client/types.ts";
import { isUnder } from "../tree/znode.ts";
import type { ServiceModel } from "./service-model.ts";
import { same } from "./service-watch.ts";

type Parts = { session: Past; name: string; model: ServiceModel; floor: number };

/** Reads a node as it was: right, or said to be forgotten or still to come, and then it is (RELIABILITY C-07). */
export async function checkPast({ session, name, model, floor }: Parts, path: string, revision: number): Promise<void> {
  const found = await session.getAt(path, revision);
  const what = `${name} read ${path} at revision ${revision}`;
  if (found.is === "found") must(same(found.value, model.at(path, revision)), `${what} and got another one`);
  else checkUnreadable({ found, revision, model, floor, what });
}

/** Reads who changed what below `path` after `revision`: everything that is known by now, each change once, in order. */
export async function checkLog({ session, name, model, floor }: Parts, path: string, revision: number): Promise<void> {
  const found = await session.log({ path, recursive: true, afterRevision: revision });
  const what = `${name} read the log of ${path} after ${revision}`;
  if (found.is !== "found") return checkUnreadable({ found, revision, model, floor, what });
  const until = Math.max(floor, found.value.at(-1)?.revision ?? 0);
  must(until <= model.tree.revision, `${what} and got revision ${until}, which does not exist`);
  const expected: string[] = [];
  for (let each = revision + 1; each <= until; each++)
    for (const changed of model.changed(each, (one) => isUnder(one, path)).toSorted()) {
      const kind = model.at(changed, each) === null ? "gone" : model.at(changed, each - 1) === null ? "created" : "set";
      expected.push(`${each} ${changed} ${kind}`);
    }
  const rows = found.value.map(described);
  const at = expected.findIndex((row, place) => row !== rows[place]);
  must(at < 0, `${what}: row ${at} is "${rows[at]}", not "${expected[at]}"`);
  must(rows.length === expected.length, `${what} and got ${rows.length} rows, not ${expected.length}`);
}

const described = ({ revision, path, kind }: LogRow): string =>
  `${revision} ${path} ${kind === "created" || kind === "set" ? kind : "gone"}`;

function checkUnreadable(parts: {
  found: Exclude<OfPast<Znode | null | LogRow[]>, { is: "found" }>;
  revision: number;
  model: ServiceModel;
  floor: number;
  what: string;
}): void {
  const { found, revision, model, floor, what } = parts;
  if (found.is === "compacted") {
    must(revision < found.oldest, `${what}: said to be older than ${found.oldest}`);
    must(found.oldest <= model.oldest, `${what}: ${found.oldest} is said to be the oldest, ${model.oldest} is`);
  } else must(revision > found.newest && found.newest >= floor, `${what}: ${found.newest} is said to be the newest`);
}
