import { assert, type Files, type Kv, type Logger, type Random } from "@odradek/kit";
import { openStore } from "../store/open-store.ts";
import { digestOf, type HardState, type Snapshot } from "../store/write.ts";
import { LevelKv } from "../store/level-kv.ts";
import { TreeStateMachine } from "../tree/machine.ts";
import { skipProducerIds } from "./skip-producer-ids.ts";
import type { SnapshotFile } from "./snapshot-file.ts";

export type RestoreOptions = {
  file: SnapshotFile;
  /** Id of each founder, and the data directory that is made for it. */
  directories: ReadonlyMap<number, string>;
  files: Files;
  random: Random;
  logger: Logger;
};

/**
 * Founds a new cluster whose first state is the snapshot's, as data directories for all its members. Its name is new, so that nodes of
 * the old one and of this one refuse each other. Producer ids begin where none has been handed out. Returns the name. Throws when a directory has something in it.
 */
export async function restoreSnapshot(options: RestoreOptions): Promise<string> {
  const { directories, files, random } = options;
  for (const directory of directories.values())
    if (files.list(directory).length > 0) throw new Error(`${directory} is not empty`);
  const cluster = {
    id: random.bytes(16).toString("base64url"),
    members: [...directories.keys()].toSorted((a, b) => a - b),
  };
  const file = withFreshIds(options.file);
  for (const [id, directory] of directories) {
    files.makeDirectory(directory);
    const kv = await LevelKv.open(`${directory}/tree`);
    try {
      await fill({ ...options, file }, { kv, directory, cluster, id });
    } finally {
      await kv.close();
    }
  }
  return cluster.id;
}

function withFreshIds(file: SnapshotFile): SnapshotFile {
  const data = skipProducerIds(file);
  return { ...file, data, digest: digestOf(data) };
}

/** One write, as if a leader had sent the snapshot: its position becomes the base of the log. */
async function fill(
  { file, files, random, logger }: RestoreOptions,
  { kv, directory, cluster, id }: { kv: Kv; directory: string; cluster: Snapshot["info"]["cluster"]; id: number },
): Promise<void> {
  const { index, term, hash, digest, data } = file;
  const { store, restored } = await openStore({ kv, files, directory, random, logger, id, alone: false });
  assert(restored.hard.standing === "empty", "a new directory is empty");
  const snapshot: Snapshot = { info: { index, term, hash, digest, cluster, bytes: data.length }, data };
  const hard: HardState = { term, vote: null, standing: "voter", cluster, floor: null };
  const writes = new TreeStateMachine().restore(data);
  const install = { snapshot, writes };
  await store.write({ sequence: 1, hard, install, truncateTo: null, entries: [], compact: null });
  await store.close();
}
