import type { PlantedBug } from "@odradek/kit/simulation";

/** Bugs that show when the power goes, some of them only after a sync has failed. */
export const powerBugs: PlantedBug[] = [
  {
    name: "checksumsNotRecovered",
    id: "L-01",
    what: "recovery does not look at checksums",
    edits: [{ file: "log/recovery.ts", find: `if (batch.crc !== batch.computeCrc()) break;`, replace: `` }],
  },
  {
    name: "namesNotSynced",
    id: "L-05",
    what: "the names of new segments are not synced",
    edits: [{ file: "log/stability.ts", find: `if (names) await files.syncDirectory(directory);`, replace: `` }],
  },
  {
    name: "failedSyncIsGood",
    id: "L-11",
    what: "a sync that failed is taken for one that did not",
    edits: [
      {
        file: "log/stability.ts",
        find: `if (this.#closed || this.#failure !== null) throw error; this.#fail(error); throw error;`,
        replace: `if (this.#closed || this.#failure !== null) throw error;`,
      },
    ],
  },
  {
    name: "failedSyncNotRepeated",
    id: "L-11",
    what: "what a failed sync may have left in the page cache is not written again after the restart",
    edits: [
      { file: "log/recovery.ts", find: `if (options.rewrites && at > 0)`, replace: `if (options.rewrites && at < 0)` },
    ],
  },
];

/** Bugs of disks that fail, and of brokers with several. */
export const diskBugs: PlantedBug[] = [
  {
    name: "shortWriteIsWhole",
    id: "L-10",
    what: "a write that found no more room is taken for whole",
    edits: [
      {
        file: "segment/segment.ts",
        find: `this.file().write(this.#queue, this.writtenSize);`,
        replace: `try {
            this.file().write(this.#queue, this.writtenSize);
          } catch (error) {
            if ((error as { code?: string }).code !== "ENOSPC") throw error;
          }`,
      },
    ],
  },
  {
    name: "offlineUntold",
    id: "L-12",
    what: "the cluster is not told which replicas went with their directory",
    edits: [
      {
        file: "broker.ts",
        find: `replicas.onAvailability = () => offline.changed();`,
        replace: `replicas.onAvailability = () => undefined;`,
      },
    ],
  },
  {
    name: "lostMadeAnew",
    id: "L-12",
    what: "a replica whose directory has failed is made anew, empty, in another one",
    edits: [
      {
        file: "log/directories.ts",
        find: `if (current.length === 0 && !isNew && !this.#isWhole)`,
        replace: `if (current.length === 0 && isNew && !this.#isWhole)`,
      },
    ],
  },
];
