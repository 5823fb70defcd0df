import type { Files } from "@odradek/kit";
import { inspect } from "../store/inspect.ts";
import { LevelKv } from "../store/level-kv.ts";
import { keepable } from "../store/open-store.ts";
import { RaftMark } from "../store/raft-mark.ts";
import { digestOf } from "../store/write.ts";
import { TreeStateMachine } from "../tree/machine.ts";
import type { SnapshotFile } from "./snapshot-file.ts";

/** `unconfirmed`: at most so many entries of which this member did not know whether they were committed; its rows are stored a little late. `hole`: what its disk has lost; null: nothing. */
export type Rescued = { snapshot: Omit<SnapshotFile, "savedAtMs">; unconfirmed: number; hole: string | null };

/**
 * What a stopped member has, when a majority of the others has lost its disks and nobody is left to tell what was committed: its tree with every
 * entry of its log applied. Some of them may never have been acknowledged, and what only the lost members had is gone. Changes nothing on the
 * disk that a start of the member would not. Throws when there is no usable state.
 */
export async function rescueSnapshot({ directory, files }: { directory: string; files: Files }): Promise<Rescued> {
  if (!["raft-mark", "tree"].every((name) => files.exists(`${directory}/${name}`)))
    throw new Error(`${directory} is no data directory of a metadata node`);
  const kv = await LevelKv.open(`${directory}/tree`);
  try {
    const mark = await RaftMark.open(files, directory);
    const machine = new TreeStateMachine();
    const loading = machine.loading();
    const found = await inspect(kv, mark, loading.add);
    mark.close();
    const kept = keepable(found);
    const { cluster } = found.hard;
    if (kept === null || cluster === null) throw new Error(`neither the tree nor a snapshot in ${directory} is whole`);
    if (kept.rebuildFrom) machine.restore(kept.rebuildFrom.data);
    else if (kept.applied > 0) loading.finish();
    const unapplied = kept.entries.filter(({ index }) => index > kept.applied);
    for (const { is, term, data } of unapplied) if (is === "data") machine.apply({ term, data });
    const { index, term, hash } = kept.entries.at(-1) ?? kept.base;
    const data = machine.snapshot();
    const { revision, size: nodes, sessions } = machine.state;
    const place = { clusterId: cluster.id, index, term, hash };
    return {
      snapshot: { ...place, revision, nodes, sessions: sessions.size, digest: digestOf(data), data },
      unconfirmed: unapplied.length,
      hole: found.hole,
    };
  } finally {
    await kv.close();
  }
}
