/** Bounds of the replication streams, in bytes, measured in PERFORMANCE §3 and §7. */
export const streamLimits = {
  /** A message to a follower is closed at about this size. */
  messageBytes: 256 * 1024,
  /** What one partition gets per turn while others wait. */
  turnBytes: 128 * 1024,
  /** Sent to one follower and not acknowledged; beyond it only marks are sent. */
  unacknowledgedBytesMax: 8 * 1024 * 1024,
  /** Marks that moved wait so long for records to go with. A client that reads from a follower waits with them. */
  marksDelayMs: 2,
  /** A dropped stream is dialled again after this, doubling. */
  redialMsMin: 50,
  redialMsMax: 500,
  /** A leader whose stream broke is suspected of being dead for so long: its session is judged meanwhile (DESIGN D3). */
  suspectMs: 3_000,
  /** A partition that its leader does not know yet is attached again after this, doubling. */
  attachRetryMsMin: 20,
  attachRetryMsMax: 500,
} as const;
