import { assert } from "@odradek/kit";

import type { Space } from "../store/space.ts";
import { Checkpoints } from "./checkpoints.ts";

/**
 * probe: looking for where the logs agree, one empty append at a time. replicate: entries flow ahead of their acknowledgements.
 * snapshot: the follower is so far behind that it gets the state in chunks.
 */
export type Pace =
  | { is: "probe"; asked: boolean }
  | { is: "replicate"; inFlight: { last: number; bytes: number }[]; inFlightBytes: number }
  | { is: "snapshot"; index: number; offset: number; sentMs: number; retryMs: number; retried: boolean };

/**
 * What the leader knows of one follower.
 * Invariant: 0 <= match < next. `match` is on the follower's stable storage and equal to our log.
 */
export type Progress = {
  match: number;
  next: number;
  pace: Pace;
  /** When a message of our term last came from it. */
  heardMs: number;
  /** Highest read round it answered. */
  round: number;
  /** Not null: it counts for nothing until it has reached `until`, which a read round of the others must confirm first. */
  recovering: { nonce: number; round: number; lastIndex: number; until: number | null } | null;
  /** The process it was when it last introduced itself. */
  boot: number;
  /** Answers to earlier rounds may come from a process before this one, whose disk had more. */
  sinceRound: number;
  /** Of its disk, as it last said. */
  space: Space;
  /** Digests of its state, as it told them. */
  checkpoints: Checkpoints;
};

export function newProgress(next: number, nowMs: number): Progress {
  return {
    match: 0,
    next,
    pace: { is: "probe", asked: false },
    heardMs: nowMs,
    round: 0,
    recovering: null,
    boot: 0,
    sinceRound: 0,
    space: "ok",
    checkpoints: new Checkpoints(),
  };
}

export function becomeProbe(progress: Progress, next: number): void {
  progress.next = Math.max(next, progress.match + 1);
  progress.pace = { is: "probe", asked: false };
}

export function becomeReplicate(progress: Progress): void {
  progress.pace = { is: "replicate", inFlight: [], inFlightBytes: 0 };
}

/** The follower has everything up to `match` on disk. */
export function acknowledge(progress: Progress, match: number): void {
  progress.match = Math.max(progress.match, match);
  progress.next = Math.max(progress.next, progress.match + 1);
  if (progress.pace.is === "replicate") {
    const { pace } = progress;
    while (pace.inFlight[0] && pace.inFlight[0].last <= progress.match) {
      pace.inFlightBytes -= pace.inFlight[0].bytes;
      pace.inFlight.shift();
    }
    assert(pace.inFlightBytes >= 0, "what leaves was counted when it entered (RELIABILITY R-24)");
  }
  assert(progress.match < progress.next, "match < next");
}
