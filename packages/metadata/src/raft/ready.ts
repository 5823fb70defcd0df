import type { KvWrite } from "@odradek/kit";

import type { Envelope, Message } from "../peers/messages.ts";
import type { Entry } from "../store/entry.ts";
import type { Space } from "../store/space.ts";
import type { Checkpoint } from "../store/state-digest.ts";
import type { Snapshot, Write } from "../store/write.ts";
import type { Verdict } from "./state.ts";

/** What the driver has to do after a step: write, send, send what waits for the write, apply. */
export type Ready = {
  write: Write | null;
  send: Envelope[];
  /** May leave only when the write, or the last one before it, is durable. */
  afterWrite: Envelope[];
  commit: Entry[];
  /** Reads that are linearizable now, and those that this node can't serve. */
  reads: { served: number[]; refused: number[] };
  /** A snapshot has arrived whole: restore it, then step `installed` or `installRefused`. */
  install: Snapshot | null;
  /** A follower needs a snapshot: step `snapshot` with one at the applied index. */
  snapshotWanted: boolean;
  verdict: Verdict | null;
};

export type Input =
  | { is: "tick" }
  | { is: "message"; from: number; message: Message }
  /** The write of this sequence number, and all before it, is durable. */
  | { is: "written"; sequence: number }
  | { is: "read"; context: number }
  /** The stream from `peer` broke and dialling it again was refused. */
  | { is: "peerDied"; peer: number }
  | { is: "snapshot"; snapshot: Snapshot }
  | { is: "installed"; snapshot: Snapshot; writes: KvWrite[] }
  | { is: "installRefused" }
  /** The state at the snapshot's index was saved; entries up to `keepAfter` may go. */
  | { is: "compact"; snapshot: Snapshot; keepAfter: number }
  /** The state after an entry has this digest. */
  | { is: "digest"; checkpoint: Checkpoint }
  /** So much room has our disk now. */
  | { is: "space"; space: Space }
  /** Hand leadership to this voter, or to the one that is furthest. */
  | { is: "transfer"; to?: number };
