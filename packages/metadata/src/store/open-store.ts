import { type Files, type Kv, type KvWrite, type Logger, type Random } from "@odradek/kit";

import { beginning, type Entry, type Position } from "./entry.ts";
import type { Snapshot } from "./write.ts";
import type { Restored } from "./write.ts";
import { type Findings, inspect, type OnStateRow } from "./inspect.ts";
import { applied } from "./keys/applied.ts";
import { hardState } from "./keys/hard-state.ts";
import { logBase } from "./keys/log-base.ts";
import { logKey } from "./keys/log-record.ts";
import { unseal } from "./keys/sealed.ts";
import { snapshotRange } from "./keys/snapshot.ts";
import { type Mark, RaftMark } from "./raft-mark.ts";
import { StateDigest, stateRange } from "./state-digest.ts";
import { Store } from "./store.ts";

export type OpenedStore = {
  store: Store;
  restored: Restored;
  /** Not null: the state's rows were not usable and are gone; restore this before applying. */
  rebuildFrom: Snapshot | null;
};

type Repaired = { base: Position; entries: Entry[]; applied: number; rebuildFrom: Snapshot | null; wipeState: boolean };

/**
 * Opens what a node keeps on disk and checks all of it. A disk that lost something it promised makes the node "recovering": it
 * keeps the part of its log that is whole and grants no vote until a leader has brought it up to date. Throws when the node is
 * the only member, because then nobody can.
 */
export async function openStore(options: {
  kv: Kv;
  files: Files;
  directory: string;
  random: Random;
  logger: Logger;
  /** This member's id. */
  id: number;
  alone: boolean;
  onStateRow?: OnStateRow;
}): Promise<OpenedStore> {
  const { kv, files, directory, random, logger } = options;
  using opened = new DisposableStack();
  const mark = opened.adopt(await RaftMark.open(files, directory), (file) => file.close());
  const { value: before } = mark;
  if (before !== null && before.member !== options.id)
    throw new Error(`${directory} is the disk of member ${before.member}, and this is member ${options.id}`);
  const found = await inspect(kv, mark, options.onStateRow);
  const repaired = keepable(found);
  const lost = found.hole ?? (repaired ? null : "neither state nor snapshot is whole");
  if (lost !== null) {
    logger.error(
      { evt: "store_damaged", directory, what: lost },
      "the store lost what it promised; recovering from the leader",
    );
    if (options.alone) throw new Error(`the store in ${directory} is damaged and there is no other member: ${lost}`);
  }
  const kept = repaired ?? { base: beginning, entries: [], applied: 0, rebuildFrom: null, wipeState: true };
  const last: Position = kept.entries.at(-1) ?? kept.base;
  const value: Mark = {
    ...found.hard,
    standing: lost === null ? found.hard.standing : "recovering",
    floor: lost === null ? found.hard.floor : found.promised,
    member: options.id,
    incarnation: mark.value?.incarnation ?? random.bytes(16).toString("base64url"),
    last: { index: last.index, term: last.term, hash: last.hash },
  };
  if (value.standing !== "empty") await mark.write(value);
  await clean(kv, found, kept, value);
  const { term, vote, standing, cluster, floor } = value;
  opened.move();
  return {
    store: new Store({ kv, mark, value }),
    restored: {
      hard: { term, vote, standing, cluster, floor },
      base: kept.base,
      entries: kept.entries,
      applied: kept.applied,
      snapshotIndex: Math.max(kept.base.index, lost === null ? (found.snapshot?.info.index ?? 0) : 0),
    },
    rebuildFrom: kept.rebuildFrom,
  };
}

/** What can be kept: state and log that fit together, or a snapshot and the log after it, or a log that begins at 1. Null: nothing. */
export function keepable(found: Findings): Repaired | null {
  const { base, entries, snapshot } = found;
  const last = entries.at(-1)?.index ?? base.index;
  if (found.applied !== null && found.applied >= base.index && found.applied <= last)
    return { base, entries, applied: found.applied, rebuildFrom: null, wipeState: false };
  if (snapshot && snapshot.info.index >= base.index) {
    const { index, term, hash } = snapshot.info;
    const fits = index <= last;
    return {
      base: fits ? base : { index, term, hash },
      entries: fits ? entries : [],
      applied: index,
      rebuildFrom: snapshot,
      wipeState: true,
    };
  }
  return base.index === 0 ? { base, entries, applied: 0, rebuildFrom: null, wipeState: true } : null;
}

/** Makes the rows say what was kept. */
async function clean(kv: Kv, found: Findings, kept: Repaired, value: Mark): Promise<void> {
  if (value.standing === "empty") return;
  const writes: KvWrite[] = found.unusable.map((key) => ({ is: "delete", key }));
  for (const entry of found.entries)
    if (!kept.entries.includes(entry)) writes.push({ is: "delete", key: logKey(entry.index) });
  // What can't be read is of no use, and would be found again by each reading of the whole store.
  for await (const [key, value] of kv.range(snapshotRange))
    if (found.snapshot === null || unseal(key, value) === null) writes.push({ is: "delete", key });
  if (kept.base.index !== found.base.index)
    writes.push(kept.base.index === 0 ? logBase.remove : logBase.put(kept.base));
  if (kept.wipeState) {
    for await (const [key] of kv.range(stateRange)) writes.push({ is: "delete", key });
    writes.push(applied.put({ index: 0, digest: new StateDigest().bytes }));
  }
  const { term, vote, standing, cluster, floor } = value;
  writes.push(hardState.put({ term, vote, standing, cluster, floor }));
  await kv.batch(writes, { sync: true });
}
