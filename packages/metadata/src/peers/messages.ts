import type { WireEntry } from "../store/entry.ts";
import type { Space } from "../store/space.ts";
import type { Checkpoint } from "../store/state-digest.ts";
import type { Place, SnapshotInfo, Standing } from "../store/write.ts";

/** Proposed terms are not yet terms: `preVote` and a granted `preVoteReply` carry the term that the candidate would take. */
export type Message =
  | {
      is: "hello";
      term: number;
      standing: Standing;
      /** Not 0: wants an answer that repeats this number, drawn when the sender started. */
      asks: number;
      answers: number;
      /** How far the sender's log is, or was when it promised the last of it; null: nobody knows. */
      promised: Place | null;
      /** As its log has them. */
      voters: number[];
    }
  | { is: "preVote"; term: number; lastIndex: number; lastTerm: number }
  | { is: "preVoteReply"; term: number; granted: boolean }
  | { is: "vote"; term: number; lastIndex: number; lastTerm: number; transfer: boolean }
  | { is: "voteReply"; term: number; granted: boolean }
  | {
      is: "append";
      term: number;
      prevIndex: number;
      prevTerm: number;
      commit: number;
      /** Number of the leader's last read round (RELIABILITY R-18); echoed. */
      round: number;
      entries: WireEntry[];
      /** For a recovering node: the index it must reach, in answer to its `nonce`. */
      recover: { nonce: number; until: number } | null;
    }
  | {
      is: "appendReply";
      term: number;
      round: number;
      prevIndex: number;
      /** Null when accepted; else where the logs may still agree. */
      rejected: { index: number; term: number } | null;
      /** Accepted: the log equals the leader's up to here, and this much of it is on stable storage. */
      match: number;
      /** Not 0: the node is recovering and this names its stay. */
      recovering: number;
      space: Space;
      /** The newest one of the sender's state. */
      checkpoint: Checkpoint | null;
    }
  | { is: "snapshot"; term: number; info: SnapshotInfo; offset: number; data: Buffer }
  | { is: "snapshotReply"; term: number; index: number; received: number; installed: boolean; recovering: number }
  | { is: "timeoutNow"; term: number }
  /** A majority has this digest, and the receiver told another one (RELIABILITY R-26). */
  | { is: "diverged"; term: number; checkpoint: Checkpoint };

export type Envelope = { to: number; message: Message };
