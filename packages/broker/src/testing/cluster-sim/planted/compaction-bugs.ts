import type { PlantedBug } from "@odradek/kit/simulation";

/** Bugs of compaction. */
export const compactionBugs: PlantedBug[] = [
  {
    name: "newestGoes",
    id: "L-19",
    what: "of the records of a key the newest goes",
    edits: [
      {
        file: "compaction/rules.ts",
        find: `return record.offset >= this.#options.newest.get(record.key);`,
        replace: `return record.offset !== this.#options.newest.get(record.key);`,
      },
    ],
  },
  {
    name: "uncommittedCompacted",
    id: "L-19",
    what: "records above the high watermark take the place of committed ones",
    edits: [
      {
        file: "compaction/compactor.ts",
        find: `const bound = Math.min(lastStable, log.written.value);`,
        replace: `const bound = Math.max(lastStable, log.end);`,
      },
    ],
  },
  {
    name: "tombstonesAtOnce",
    id: "L-19",
    what: "a tombstone goes with the second compaction, however young it is",
    edits: [
      {
        file: "compaction/rules.ts",
        find: `const tombstonesStay = deleteHorizonMs === null || this.#options.wallMs < deleteHorizonMs;`,
        replace: `const tombstonesStay = deleteHorizonMs === null;`,
      },
    ],
  },
  {
    name: "tombstonesFirst",
    id: "L-19",
    what: "a tombstone goes with what it deletes",
    edits: [
      {
        file: "compaction/rules.ts",
        find: `if (record.isTombstone && !tombstonesStay) return false;`,
        replace: `if (record.isTombstone) return false;`,
      },
    ],
  },
  {
    name: "tombstonesNotCounted",
    id: "L-19",
    what: "a tombstone takes nothing away, and the key is back when it goes",
    edits: [
      {
        file: "compaction/compaction.ts",
        find: `for (const { key, offset } of unpack(batch)) if (key !== null) newest.put(key, offset);`,
        replace: `for (const { key, offset, isTombstone } of unpack(batch))
            if (key !== null && !isTombstone) newest.put(key, offset);`,
      },
    ],
  },
  {
    name: "youngCompacted",
    id: "L-19",
    what: "records younger than min.compaction.lag.ms are compacted",
    edits: [
      {
        file: "compaction/plan.ts",
        find: `if (minCompactionLagMs > 0 && piece.maxTimestamp > log.wallMs - minCompactionLagMs) break;`,
        replace: `if (minCompactionLagMs < 0) break;`,
      },
    ],
  },
  {
    name: "segmentEndGoes",
    id: "L-19",
    what: "a compacted segment loses its last batch, and with it where its offsets end",
    edits: [
      {
        file: "compaction/rules.ts",
        find: `if (!keepOffsets && !(batch.producerId >= 0 && isLastOfProducer(batch))) return null;`,
        replace: `if (!(keepOffsets && batch.baseOffset < 0) && !(batch.producerId >= 0 && isLastOfProducer(batch)))
          return null;`,
      },
    ],
  },
  {
    name: "cleanedUnsynced",
    id: "L-04",
    what: "compacted segments take the place of others before they are on stable storage",
    edits: [
      {
        file: "compaction/compaction.ts",
        find: `await cleaned.sync();`,
        replace: ``,
      },
    ],
  },
  {
    name: "swapThrownAway",
    id: "L-04",
    what: "a compacted segment that had not got its name yet is thrown away at the start",
    edits: [
      {
        file: "log/unfinished.ts",
        find: `const LEFTOVER = [DELETED_SUFFIX, CLEANED_SUFFIX, ".tmp"];`,
        replace: `const LEFTOVER = [DELETED_SUFFIX, CLEANED_SUFFIX, SWAP_SUFFIX, ".tmp"];`,
      },
    ],
  },
  {
    name: "gapRefused",
    id: "L-19",
    what: "a follower takes nothing that does not begin where its log ends, though compaction left a gap",
    edits: [
      {
        file: "partition/follower.ts",
        find: `if (first.baseOffset < log.end) return "gap";`,
        replace: `if (first.baseOffset !== log.end) return "gap";`,
      },
    ],
  },
  {
    name: "compactedExpires",
    id: "L-18",
    what: "a log that is only compacted loses its oldest segments for its size",
    edits: [
      {
        file: "log/retention.ts",
        find: `const bySize = config.cleanupPolicy.delete && surplus - segment.size >= 0;`,
        replace: `const bySize = surplus - segment.size >= 0;`,
      },
    ],
  },
];
