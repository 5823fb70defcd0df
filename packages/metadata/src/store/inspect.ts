import type { Kv } from "@odradek/kit";

import { beginning, type Entry, type Position } from "./entry.ts";
import type { Snapshot } from "./write.ts";
import { type HardState, laterOf, type Place } from "./write.ts";
import { applied } from "./keys/applied.ts";
import { hardState } from "./keys/hard-state.ts";
import { logBase } from "./keys/log-base.ts";
import { logRange, readLogRecord } from "./keys/log-record.ts";
import { readSnapshot } from "./keys/snapshot.ts";
import type { Mark, RaftMark } from "./raft-mark.ts";
import { StateDigest, stateRange } from "./state-digest.ts";

/** What stands on the disk, and everything that is wrong with it. */
export type Findings = {
  hard: HardState;
  base: Position;
  /** The whole part of the log. */
  entries: Entry[];
  /** Log rows after the whole part; they are removed. */
  unusable: Buffer[];
  /** Up to which entry the state's rows have come; null: they are not to be trusted. */
  applied: number | null;
  snapshot: Snapshot | null;
  /** Why this node's promises may be lost (RELIABILITY ); null: they are not. */
  hole: string | null;
  /** Entries are missing, but the mark still says up to where they were promised, and all votes. */
  promised: Place | null;
};

/** Gets each row of the state in the order of their keys, before anybody knows whether they are to be trusted. */
export type OnStateRow = (key: Buffer, value: Buffer) => void;

/** Reads and checks everything. LevelDB reports no damage of its own, so nothing it says is taken on trust (RELIABILITY finding 1). */
export async function inspect(kv: Kv, raftMark: RaftMark, onStateRow: OnStateRow = () => {}): Promise<Findings> {
  const mark = raftMark.value;
  const hard = hardState.read(kv);
  const baseRow = logBase.read(kv);
  const base = baseRow.is === "value" ? baseRow.value : beginning;
  const log = await readLog(kv, base);
  const empty = mark === null && hard.is === "absent" && baseRow.is === "absent" && log.rows === 0;
  const lostMark = empty ? null : markHole(mark, hard.is === "value" ? hard.value : null);
  const lostRows = empty
    ? null
    : ((hard.is === "damaged" || baseRow.is === "damaged" ? "a row of the store is damaged" : null) ??
      logHole(mark, base, log.entries));
  const fresh: HardState = { term: 0, vote: null, standing: "empty", cluster: null, floor: null };
  return {
    hard: mark ?? (hard.is === "value" ? { ...hard.value, vote: null } : fresh),
    base,
    entries: log.entries,
    unusable: log.unusable,
    applied: await readState(kv, onStateRow),
    snapshot: readSnapshot(kv),
    hole: lostMark ?? lostRows,
    promised: lostMark === null && raftMark.isNewest ? promisedBy(mark) : null,
  };
}

function promisedBy(mark: Mark | null): Place | null {
  if (mark === null || (mark.standing === "recovering" && mark.floor === null)) return null;
  const { term, index } = mark.last;
  return laterOf({ term, index }, mark.floor);
}

async function readLog(kv: Kv, base: Position): Promise<{ entries: Entry[]; unusable: Buffer[]; rows: number }> {
  const entries: Entry[] = [];
  const unusable: Buffer[] = [];
  let last = base;
  for await (const [key, value] of kv.range(logRange)) {
    const entry = unusable.length === 0 ? readLogRecord(key, value, last) : null;
    if (entry) {
      entries.push(entry);
      last = entry;
    } else unusable.push(key);
  }
  return { entries, unusable, rows: entries.length + unusable.length };
}

/** The mark is written first: a store that knows more of terms and votes shows that the mark was lost or an old one came back. */
function markHole(mark: Mark | null, hard: HardState | null): string | null {
  if (mark === null) return "the raft mark is missing and the store is not empty";
  if (hard && hard.term > mark.term) return `the store knows term ${hard.term}, the raft mark ${mark.term}`;
  if (hard && hard.term === mark.term && hard.vote !== null && hard.vote !== mark.vote)
    return "the store and the raft mark know different votes";
  return null;
}

/** The log may be ahead of the mark, never behind it. */
function logHole(mark: Mark | null, base: Position, entries: readonly Entry[]): string | null {
  if (mark === null) return null;
  const last = entries.at(-1) ?? base;
  if (last.index < mark.last.index) return `entries ${last.index + 1} to ${mark.last.index} are missing or damaged`;
  if (mark.last.index < base.index) return null;
  const marked = mark.last.index === base.index ? base : entries[mark.last.index - base.index - 1];
  return marked?.hash.equals(mark.last.hash) ? null : `entry ${mark.last.index} is not the one that was acknowledged`;
}

async function readState(kv: Kv, onStateRow: OnStateRow): Promise<number | null> {
  const digest = new StateDigest();
  for await (const [key, value] of kv.range(stateRange)) {
    digest.add(key, value);
    onStateRow(key, value);
  }
  const row = applied.read(kv);
  const expected = row.is === "value" ? row.value : { index: 0, digest: new StateDigest().bytes };
  return row.is !== "damaged" && digest.bytes.equals(expected.digest) ? expected.index : null;
}
