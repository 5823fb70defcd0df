import type { Files, Logger } from "@odradek/kit";

import { distrustedFile, DistrustedError } from "./distrusted.ts";
import { LevelKv } from "./level-kv.ts";
import { stateRange } from "./state-digest.ts";

/** LevelDB aborts the process on some damage, and a process may also be killed while it opens: only the third time is it damage. */
const unfinishedMax = 2;
/** First bytes of keys. */
const tagsMax = 0x80;

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
 * Reads every row, family by family as it will be read, and again by its key: a block that can't be decoded shows here, not in the
 * middle of work. Where it shows depends on where reading began.
 */
async function openReadable(directory: string): Promise<LevelKv> {
  const kv = await LevelKv.open(directory);
  try {
    for (let tag = 0; tag < tagsMax; tag++)
      for await (const [key, value] of kv.range({ from: Buffer.from([tag]), below: Buffer.from([tag + 1]) }))
        if (!kv.get(key)?.equals(value)) throw new Error("corrupt: a row is not where its key leads");
    for await (const _row of kv.range(stateRange));
    return kv;
  } catch (error) {
    await kv.close();
    throw error;
  }
}

/** Damage, as opposed to a lock that another process holds, a full disk, or missing permissions: those must not cost the data. */
function isDamage(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = "code" in cause ? cause.code : undefined;
    if (code === "LEVEL_CORRUPTION") return true;
    if (code === "LEVEL_LOCKED") return false;
    // A table that is shorter than the manifest says can't be mapped or read: "Invalid argument".
    if (code === "LEVEL_IO_ERROR")
      return /No such file|Invalid argument|Is a directory|Not a directory/.test(cause.message);
    if (/corrupt|bad block|truncated block|not an sstable|does not exist/i.test(cause.message)) return true;
  }
  return false;
}
