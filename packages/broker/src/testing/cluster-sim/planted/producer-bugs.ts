import type { PlantedBug } from "@odradek/kit/simulation";

/** Bugs of what is remembered of idempotent producers. */
export const producerBugs: PlantedBug[] = [
  {
    name: "sequenceNotChecked",
    id: "I-01",
    what: "a batch that is sent again is appended again",
    edits: [
      {
        file: "partition/producers.ts",
        find: `for (const sent of producer.sent) if (sent.baseSequence === baseSequence && sent.lastSequence === lastSequence)`,
        replace: `if (baseSequence >= 0) return { is: "next" };
          for (const sent of producer.sent) if (sent.baseSequence === baseSequence && sent.lastSequence === lastSequence)`,
      },
    ],
  },
  {
    name: "repeatOutOfOrder",
    id: "I-01",
    what: "a batch that is sent again is out of order",
    edits: [
      {
        file: "partition/producers.ts",
        find: `if (sent.baseSequence === baseSequence && sent.lastSequence === lastSequence)`,
        replace: `if (sent.baseSequence === -2)`,
      },
    ],
  },
  {
    name: "windowOfTwo",
    id: "I-02",
    what: "the last two batches are remembered",
    edits: [
      {
        file: "partition/producers.ts",
        find: `const BATCHES_REMEMBERED = 5;`,
        replace: `const BATCHES_REMEMBERED = 2;`,
      },
    ],
  },
  {
    name: "snapshotOfOne",
    id: "I-10",
    what: "after a restart only the last batch is remembered",
    edits: [
      {
        file: "partition/producers.ts",
        find: `writeEarlier(w, sent.slice(0, -1));`,
        replace: `writeEarlier(w, sent.slice(0, 0));`,
      },
    ],
  },
  {
    name: "stateNotRebuilt",
    id: "I-10",
    what: "what stands behind the last snapshot is not remembered after a restart",
    edits: [
      {
        file: "log/load.ts",
        find: `if (batch.baseOffset >= range.from) options.derived.batch(batch);`,
        replace: `if (batch.baseOffset >= range.from) options.derived.epochs.batch(batch);`,
      },
    ],
  },
  {
    name: "statesSurviveTruncation",
    id: "L-16",
    what: "batches that were cut off are remembered",
    edits: [
      {
        file: "log/snapshots.ts",
        find: `const from = this.restore(derived, end) ?? log.start;`,
        replace: `const from = end;`,
      },
    ],
  },
  {
    name: "producersNotTold",
    id: "I-04",
    what: "a follower that starts anew behind retention is not told of the producers that were there before",
    edits: [
      {
        file: "partition/leader.ts",
        find: `producers: derived.snapshotBelow(log.start) };`,
        replace: `producers: derived.snapshotBelow(0) };`,
      },
    ],
  },
  {
    name: "toldProducersNotKept",
    id: "I-04",
    what: "what it is told of them does not outlive a restart",
    edits: [
      {
        file: "log/log.ts",
        find: `this.snapshots.restore(this.#options.derived, offset);`,
        replace: `this.snapshots.restore(this.#options.derived, offset); this.snapshots.removeAbove(-1);`,
      },
    ],
  },
  {
    name: "retentionForgets",
    id: "I-08",
    what: "segments go before a snapshot says what they said of producers",
    edits: [
      {
        file: "log/snapshots.ts",
        find: `while (count > 0 && !this.has(segmentOffsets[count]!)) count--;`,
        replace: ``,
      },
    ],
  },
];
