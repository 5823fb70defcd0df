import { assert } from "@odradek/kit";

const KIB = 1024;
const MIB = 1024 * KIB;

/** Every bound of a metadata node in one place, with its reason. */
export const limits = {
  /** Data of one node. Nodes hold configuration, not content; one multi must be able to carry one. */
  nodeBytesMax: 512 * KIB,
  /** Data of all operations of a multi: bounds a log entry and the time that applying it holds the loop. */
  multiBytesMax: 512 * KIB,
  /** Enough for 50 partitions of one topic many times over; the controller splits larger changes. */
  operationsMax: 500,
  /** Data of a node that is still changed while disks are low: leaders, in-sync replicas, counters. They replace what is there. */
  lowSpaceBytesMax: 1 * KIB,
  pathBytesMax: 1 * KIB,
  pathDepthMax: 32,
  /** Nodes one recursive delete may remove: they all go in one entry of the history. */
  recursiveDeleteMax: 20_000,
  nodesMax: 500_000,
  sessionsMax: 10_000,
  /** Unanswered writes of one session; the state keeps as many answers. */
  inFlightMax: 256,
  /** What one write may replace or delete: the history keeps it, and one revision must not push out all others. */
  replacedBytesMax: 8 * MIB,
  /** Revisions kept whatever the configuration says: they are in memory and in every snapshot. */
  historyRevisionsMax: 100_000,
  historyBytesMax: 32 * MIB,
  /** Rows of the log in one answer, one path and one name each. */
  logRowsMax: 1_000,
  /** Largest message on any stream of a metadata node. */
  messageBytesMax: 4 * MIB,
  /** Nodes of a watch's first picture are sent in parts of about this size. */
  snapshotPartBytes: 1 * MIB,
  /** What may wait for a slow client before its stream is dropped; it resumes by revision. */
  outboundBytesMax: 32 * MIB,
  outboundFramesMax: 20_000,
  watchesPerSessionMax: 1_000,
  /** Reads of one stream that wait for their barrier. */
  readsInFlightMax: 1_000,
  sessionNameBytesMax: 200,
  /** Snapshots on their way to someone who saves them: each is a copy of the whole state in memory. */
  snapshotStreamsMax: 2,
  /** As many digits as --id takes. */
  memberIdMax: 999_999_999,
  /** A name of DNS with its port; all members' addresses must fit into the mark, a slot of 4 KiB. */
  addressBytesMax: 259,
  /** Keep-alives and bookmarks go twice a second: a shorter timeout would expire sessions by rounding. */
  sessionTimeoutMsMin: 2_000,
  sessionTimeoutMsMax: 5 * 60_000,
} as const;

assert(limits.nodeBytesMax <= limits.multiBytesMax, "a node must fit into a multi");
assert(
  limits.multiBytesMax + limits.operationsMax * (limits.pathBytesMax + 64) < limits.messageBytesMax,
  "what may be proposed must fit into a message (RELIABILITY R-27)",
);
assert(
  limits.logRowsMax * (limits.pathBytesMax + limits.sessionNameBytesMax + 128) < limits.messageBytesMax,
  "a page of the log must fit into a message",
);
assert(2 * limits.replacedBytesMax <= limits.historyBytesMax, "one write does not push out the history before it");
assert(limits.snapshotPartBytes + limits.nodeBytesMax < limits.messageBytesMax, "a part must fit into a message");
