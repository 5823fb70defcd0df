import { type Clock, delay, type Files } from "@odradek/kit";
import { fileBut, filesBut } from "@odradek/kit/testing";

/** How long a sync takes, and whether what it makes safe is safe before it says so, or only at its end. */
export type SyncDelay = { readonly ms: number; readonly isSafeFirst: boolean };

/** A disk whose syncs take time: `next` draws each. */
export function slowSyncs(files: Files, clock: Clock, next: () => SyncDelay): Files {
  const slowly = async (sync: () => Promise<void>): Promise<void> => {
    const { ms, isSafeFirst } = next();
    if (isSafeFirst) await sync();
    if (ms > 0) await delay(clock, ms);
    if (!isSafeFirst) await sync();
  };
  return filesBut(files, {
    open: (path, options) => {
      const file = files.open(path, options);
      let syncing = Promise.resolve();
      return fileBut(file, {
        sync: () => {
          const synced = slowly(() => file.sync());
          syncing = Promise.allSettled([syncing, synced]).then(() => {});
          return synced;
        },
        // The system keeps a file open for the calls that are under way.
        close: () => void syncing.then(() => file.close()),
      });
    },
    replace: (path, bytes) => slowly(() => files.replace(path, bytes)),
    syncDirectory: (path) => slowly(() => files.syncDirectory(path)),
  });
}
