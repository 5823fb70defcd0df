import type { PlantedBug } from "@odradek/kit/simulation";

/** Bugs of logs and disks. */
export const logBugs: PlantedBug[] = [
  {
    name: "behindTornKept",
    id: "L-01",
    what: "segments behind a torn one stay",
    edits: [{ file: "log/load.ts", find: `await dropBehind(options, segments, index); break;`, replace: `` }],
  },
  {
    name: "recoveryPointAhead",
    id: "L-01",
    what: "the recovery point says more than was synced",
    edits: [
      {
        file: "log/logs.ts",
        find: `offset: Math.min(log.synced, this.#heldAt(name))`,
        replace: `offset: log.end`,
      },
    ],
  },
  {
    name: "cleanMarkerStays",
    id: "L-06",
    what: "the mark of a shutdown in order outlives the start after it",
    edits: [
      {
        file: "disk/clean-shutdown.ts",
        find: `await files.remove(path); await files.syncDirectory(directory);`,
        replace: ``,
      },
    ],
  },
  {
    name: "writeErrorIgnored",
    id: "L-08",
    what: "a write that failed is taken for one that did not",
    edits: [
      {
        file: "log/log.ts",
        find: `this.#segments.active.write(); } catch (error) { this.fail(error); return; }`,
        replace: `this.#segments.active.write(); } catch { this.#segments.active.abandonQueue(); }`,
      },
    ],
  },
  {
    name: "unsyncedAcknowledged",
    id: "P-16",
    what: "what flush.messages wants synced is acknowledged before it is",
    edits: [
      {
        file: "log/stability.ts",
        find: `if (!this.isBehind) return this.#publish(end);`,
        replace: `this.#publish(end); if (!this.isBehind) return;`,
      },
    ],
  },
  {
    name: "epochsSurviveTruncation",
    id: "L-15",
    what: "leader epochs of records that were cut off stay",
    edits: [
      {
        file: "log/log.ts",
        find: `this.#options.derived.truncated(end); this.snapshots.removeAbove(end);`,
        replace: `this.snapshots.removeAbove(end);`,
      },
    ],
  },
  {
    name: "retentionBeyondHigh",
    id: "L-18",
    what: "retention takes records that are not committed",
    edits: [{ file: "log/retention.ts", find: `if (segment.end > log.high) break;`, replace: `` }],
  },
  {
    name: "truncationKeepsBatch",
    id: "L-13",
    what: "a truncation leaves the batch that it should begin with",
    edits: [
      {
        file: "log/truncation.ts",
        find: `const cut = offset < end ? segments.use(segments.floor(offset)).cutFor(offset) : null;`,
        replace: `const cut = offset + 1 < end ? segments.use(segments.floor(offset + 1)).cutFor(offset + 1) : null;`,
      },
    ],
  },
];
