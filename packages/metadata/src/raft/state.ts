import { assert, type Random } from "@odradek/kit";

import { beginning, type Entry } from "../store/entry.ts";
import type { Space } from "../store/space.ts";
import { Checkpoints } from "./checkpoints.ts";
import { RaftLog } from "./log.ts";
import type { Envelope, Message } from "../peers/messages.ts";
import type { Cluster, Place, Snapshot, SnapshotInfo, Standing } from "../store/write.ts";
import { Configurations } from "./configurations.ts";
import type { PlantedBugs, RaftLimits, RaftOptions, RaftTiming } from "./options.ts";
import type { Restored, Write } from "../store/write.ts";
import type { Role } from "./roles.ts";

/** A write that was given out and is not yet durable. */
type Pending = { sequence: number; term: number; lastIndex: number; sinceMs: number };

/** What the others say of themselves after we started: see roll-call.ts. Once it is `over`, we vote again. */
export type RollCall = {
  nonce: number;
  askAtMs: number;
  untilMs: number;
  over: boolean;
  heard: Map<number, Testimony>;
};
export type Testimony = { term: number; promised: Place | null; voters: readonly number[]; atMs: number };

/** What comparing digests has shown: our own state is not the others', or nobody can tell whose is right. */
export type Verdict = { is: "diverged" | "split"; index: number };

/** A snapshot on its way in. */
export type Incoming = { info: SnapshotInfo; chunks: Buffer[]; received: number };

/**
 * Everything one node of the quorum knows. The files of this room are functions over it, one per concern; `core.ts` is the only door.
 * Invariants: applied <= commit <= log.last.index, applied <= synced, synced <= log.last.index.
 */
export class RaftState {
  readonly id: number;
  readonly joining: boolean;
  /** Who belongs to the cluster, as the newest entry of our log says. */
  readonly configurations: Configurations;
  readonly timing: RaftTiming;
  readonly limits: RaftLimits;
  readonly random: Random;
  readonly planted: PlantedBugs;

  nowMs: number;
  term: number;
  vote: number | null;
  standing: Standing;
  /** As it was after the last applied entry. */
  cluster: Cluster | null;
  /** See HardState. */
  floor: Place | null;
  /** Not null: we have started and not yet reached what the others had then. */
  rollCall: RollCall | null = null;
  log: RaftLog;
  commit: number;
  /** Handed over to be applied. */
  applied: number;
  /** On our own stable storage. */
  synced: number;
  role: Role;
  /** Of our own disk. */
  space: Space = "ok";
  /** Digests of our own state. */
  readonly checkpoints = new Checkpoints();
  verdict: Verdict | null = null;

  /** What others said of themselves in hellos. */
  readonly peers = new Map<number, { standing: Standing; term: number }>();
  /** Peers whose process is gone, as far as we know. */
  readonly dead = new Set<number>();
  helloAtMs = 0;
  /** Names our stay as a recovering node to the leader, and our process to the others. */
  nonce = 0;
  recoverUntil: { term: number; index: number } | null = null;
  incoming: Incoming | null = null;
  /** A whole snapshot that the driver restores right now. */
  installing: Snapshot | null = null;
  /** The snapshot that lagging followers get, while there are any. */
  outgoing: Snapshot | null = null;
  snapshotWanted = false;
  reads: { served: number[]; refused: number[] } = { served: [], refused: [] };

  /** Of entries that were proposed here and not yet handed over to be applied. */
  uncommittedBytes = 0;
  draft: Omit<Write, "sequence"> | null = null;
  readonly pending: Pending[] = [];
  sequence = 0;
  send: Envelope[] = [];
  afterWrite: Envelope[] = [];

  constructor(options: RaftOptions, restored: Restored, nowMs: number) {
    this.id = options.id;
    this.joining = options.joining ?? false;
    assert(this.joining || options.members.includes(this.id), "a founder is one of its members");
    this.timing = options.timing;
    this.limits = options.limits;
    this.random = options.random;
    this.planted = options.planted ?? {};
    this.nowMs = nowMs;
    ({ term: this.term, vote: this.vote, standing: this.standing, cluster: this.cluster } = restored.hard);
    this.floor = restored.hard.floor;
    this.log = new RaftLog(restored.base, restored.entries);
    this.applied = restored.applied;
    this.configurations = new Configurations(options, restored);
    this.cluster = this.configurations.appliedAt(this.applied);
    this.commit = restored.applied;
    this.synced = this.log.last.index;
    assert(this.applied >= this.log.base.index, "what was compacted was applied");
    assert(this.applied <= this.log.last.index, "what was applied is in the log");
    this.role = {
      is: "follower",
      leader: null,
      heardMs: -Infinity,
      electionAtMs: nowMs + this.#electionMs(),
      matched: 0,
    };
    if (this.standing !== "voter") this.nonce = this.#newNonce();
    if (this.standing !== "empty" && !this.planted.noRollCall) this.beginRollCall();
  }

  get voters(): readonly number[] {
    return this.configurations.voters;
  }

  get learners(): readonly number[] {
    return this.configurations.learners;
  }

  /** Voters and learners without ourselves. */
  get others(): readonly number[] {
    return this.configurations.others;
  }

  get isVoter(): boolean {
    return this.voters.includes(this.id);
  }

  /** Also a voter whose removal is not committed as far as it knows: it may be the only one that has the entry (Raft §4.2.2). */
  get mayLead(): boolean {
    return this.configurations.mayLead(this.commit);
  }

  /** A fresh random election timeout, as a point in time. */
  electionAt(): number {
    return this.nowMs + this.#electionMs();
  }

  tell(to: number, message: Message): void {
    this.send.push({ to, message });
  }

  /** Sends a message that promises something only when everything said so far is durable (RELIABILITY ). */
  tellDurable(to: number, message: Message): void {
    this.afterWrite.push({ to, message });
  }

  /** The write that the next `ready` gives out. */
  writing(): Omit<Write, "sequence"> {
    this.draft ??= { hard: null, install: null, truncateTo: null, entries: [], compact: null };
    return this.draft;
  }

  saveHard(): void {
    const { term, vote, standing, cluster, floor } = this;
    this.writing().hard = { term, vote, standing, cluster, floor };
  }

  append(entry: { term: number; is: Entry["is"]; data: Buffer }): Entry {
    const appended = this.log.append(entry);
    // In force from now on, committed or not (Raft §4.1).
    if (appended.is === "members") this.configurations.appended(appended);
    this.writing().entries.push(appended);
    return appended;
  }

  /** Only at a real conflict, and never what is committed (RELIABILITY R-06). */
  truncateFrom(from: number): void {
    assert(from > this.commit, `committed entries stay (${from} <= ${this.commit})`);
    this.log.truncateFrom(from);
    this.configurations.truncatedFrom(from);
    const write = this.writing();
    write.entries = write.entries.filter((entry) => entry.index < from);
    const { index, term, hash } = this.log.last;
    if (write.truncateTo === null || index < write.truncateTo.index) write.truncateTo = { index, term, hash };
    this.synced = Math.min(this.synced, from - 1);
    for (const pending of this.pending) pending.lastIndex = Math.min(pending.lastIndex, from - 1);
    if (this.role.is === "follower") this.role.matched = Math.min(this.role.matched, from - 1);
  }

  /** The disk has not answered for too long. */
  diskStalled(): boolean {
    const oldest = this.pending[0];
    return oldest !== undefined && this.nowMs - oldest.sinceMs > this.timing.diskStallMs;
  }

  becomeRecovering(): void {
    this.standing = "recovering";
    this.nonce = this.#newNonce();
    this.recoverUntil = null;
    this.saveHard();
    if (!this.planted.noRollCall) this.beginRollCall();
  }

  beginRollCall(): void {
    const untilMs = this.standing === "voter" ? this.nowMs + this.timing.rollCallMs : Infinity;
    this.rollCall = { nonce: this.#newNonce(), askAtMs: this.nowMs, untilMs, over: false, heard: new Map() };
  }

  checkInvariants(): void {
    assert(this.commit <= this.log.last.index, "commit <= last");
    assert(this.applied <= this.commit, "applied <= commit");
    assert(this.synced <= this.log.last.index, "synced <= last");
    assert(this.log.base.index <= this.applied, "only applied entries are compacted");
    assert(this.role.is === "follower" || this.standing === "voter", "only a whole node stands for election");
    assert(this.configurations.newest.index <= this.log.last.index, "the configuration in force is in the log");
    assert(this.log.last.index > 0 || this.log.last.hash.equals(beginning.hash), "an empty log has no past");
  }

  #electionMs(): number {
    const { electionMsMin, electionMsMax } = this.timing;
    return electionMsMin + this.random.next() * (electionMsMax - electionMsMin);
  }

  #newNonce(): number {
    return 1 + Math.floor(this.random.next() * 0x7fff_fffe);
  }
}
