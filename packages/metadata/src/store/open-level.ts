import type { Files, Logger } from "@odradek/kit";

import { isDamage } from "./damage.ts";
import { distrustedFile, DistrustedError } from "./distrusted.ts";
import { logRange } from "./keys/log-record.ts";
import { sealedRange } from "./keys/sealed.ts";
import { LevelKv } from "./level-kv.ts";
import { stateRange } from "./state-digest.ts";

/** LevelDB aborts the process on some damage, and a process may also be killed while it opens: only the third time is it damage. */
const unfinishedMax = 2;

/**
 * Opens the store in `directory`. One that LevelDB can't open or read any more is set aside as `DIRECTORY.damaged`, where the one before it goes, and
 * an empty one takes its place: the mark beside it knows what it should hold, so the node recovers from the others (RELIABILITY R-21).
 */
export async function openLevel(options: { directory: string; files: Files; logger: Logger }): Promise<LevelKv> {
  const { directory, files, logger } = options;
  const opening = `${directory}.opening`;
  const unfinished = Number(files.readAll(opening)?.toString() ?? "0") || 0;
  const setAside = async (error: unknown): Promise<void> => {
    const aside = `${directory}.damaged`;
    logger.error(
      { evt: "store_set_aside", directory, aside, error },
      "the store can't be read; an empty one takes its place",
    );
    await files.removeDirectory(aside);
    if (files.exists(directory)) files.rename(directory, aside);
  };
  const distrusted = files.readAll(distrustedFile(directory));
  if (distrusted !== null) await setAside(new DistrustedError(distrusted.toString()));
  await files.remove(distrustedFile(directory));
  if (unfinished >= unfinishedMax) await setAside(new Error(`opening it ended ${unfinished} processes`));
  await files.replace(opening, Buffer.from(String(unfinished + 1)));
  let kv: LevelKv;
  try {
    kv = await openReadable(directory);
  } catch (error) {
    if (!isDamage(error)) {
      // The process lives: a full disk, tried again and again, must not add up to damage.
      await files.remove(opening);
      throw error;
    }
    await setAside(error);
    kv = await LevelKv.open(directory);
  }
  await files.remove(opening);
  return kv;
}

/**
 * Reads every row as it will be read: a block that can't be decoded shows here, not in the middle of work. Where it shows depends on where
 * reading began: log and state are read in order from their first row, the others by key. A row of the state that is looked for by its key later and
 * can't be read ends this life of the node; what is in log and state is checked by whoever uses it.
 */
async function openReadable(directory: string): Promise<LevelKv> {
  const kv = await LevelKv.open(directory);
  try {
    for await (const [key, value] of kv.range(sealedRange))
      if (!kv.get(key)?.equals(value)) throw new Error("corrupt: a row is not where its key leads");
    await kv.check(logRange);
    await kv.check(stateRange);
    return kv;
  } catch (error) {
    await kv.close();
    throw error;
  }
}
