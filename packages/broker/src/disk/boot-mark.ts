import type { Files } from "@odradek/kit";
import { join } from "node:path";

const NAME = "odradek-boot";
/** Stands where the boot would: no loss of power takes back what was acknowledged. */
const SYNCED = "synced";

/**
 * Whether what earlier processes wrote into this directory may be gone: another boot since without a shutdown in order, a failure of the disk, a
 * new or emptied directory, or nobody can tell. A `kill -9` loses nothing, the page cache outlives it. The answer stays the same, whatever
 * happens to this process, until `markBoot` says that the cluster knows of it.
 */
export async function mayHaveLost(files: Files, directory: string, shutdown: { clean: boolean }): Promise<boolean> {
  const path = join(directory, NAME);
  const marked = files.readAll(path)?.toString("utf8").trim() ?? null;
  if (marked !== null && (shutdown.clean || marked === SYNCED || marked === files.bootId)) return false;
  await unmarkBoot(files, directory);
  return true;
}

/** Nobody answers for the directory: it is new, its disk has failed, or the cluster has not been told of what it may have lost. */
export const isUnmarked = (files: Files, directory: string): boolean => !files.exists(join(directory, NAME));

/** From here on nobody answers for the directory: its disk has failed, and what its page cache holds may never have been written (L-11). */
export async function unmarkBoot(files: Files, directory: string): Promise<void> {
  const path = join(directory, NAME);
  if (!files.exists(path)) return;
  await files.remove(path);
  await files.syncDirectory(directory);
}

/** From here on this boot answers for the directory; `synced`: whoever starts next may, for everything acknowledged is on stable storage. */
export async function markBoot(files: Files, directory: string, { synced } = { synced: false }): Promise<void> {
  const path = join(directory, NAME);
  const mark = `${synced ? SYNCED : (files.bootId ?? "unknown")}\n`;
  if (files.readAll(path)?.toString("utf8") !== mark) await files.replace(path, Buffer.from(mark));
}
