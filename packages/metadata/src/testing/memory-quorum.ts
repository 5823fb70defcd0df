import type { Clock } from "@odradek/kit";
import { assert } from "@odradek/kit";
import type {
  Changed,
  CommittedEntry,
  Consensus,
  ConsensusStatus,
  Leadership,
  Proposed,
  StateMachine,
  Transferred,
} from "../raft/consensus.ts";
import type { Space } from "../store/space.ts";
import { digestOf, type Snapshot } from "../store/write.ts";

type InFlight<Result> = { node: MemoryConsensus<Result>; data: Buffer; settle: (proposed: Proposed<Result>) => void };

/**
 * A quorum that agrees by sharing one list: for tests of what stands on consensus. Elections, lost leaders and slow commits
 * happen when the test says so.
 */
export class MemoryQuorum<Result> {
  readonly nodes = new Map<number, MemoryConsensus<Result>>();
  readonly log: CommittedEntry[] = [];
  readonly clock: Clock;
  /** How long a proposal takes to commit. */
  commitMs = 0;
  leader: number | null = null;
  term = 0;
  /** Where members were added; of the others only configurations know. */
  addresses: Record<number, string> = {};
  #inFlight: InFlight<Result>[] = [];

  constructor(clock: Clock) {
    this.clock = clock;
  }

  join(id: number, machine: StateMachine<Result>): MemoryConsensus<Result> {
    const node = new MemoryConsensus(id, machine, this);
    this.nodes.set(id, node);
    node.apply();
    return node;
  }

  /** Makes `id` lead a new term. Of what was in flight the first `surviving` proposals are committed, before it leads. */
  elect(id: number | null, surviving = 0): void {
    const inFlight = this.#inFlight.splice(0);
    for (const { data } of inFlight.slice(0, surviving)) this.#append(data);
    if (this.leader !== null) this.nodes.get(this.leader)?.led({ is: "follower", term: this.term, leader: null });
    for (const { settle } of inFlight) settle({ is: "unknown" });
    this.leader = id;
    this.term++;
    this.#append(Buffer.alloc(0));
    for (const node of this.nodes.values())
      node.led(node.id === id ? { is: "leader", term: this.term } : { is: "follower", term: this.term, leader: id });
  }

  propose(node: MemoryConsensus<Result>, data: Buffer): Promise<Proposed<Result>> {
    return new Promise((settle) => {
      this.#inFlight.push({ node, data, settle });
      const { term } = this;
      this.clock.timer(this.commitMs, () => {
        if (term === this.term) this.#commitFirst();
      });
    });
  }

  #commitFirst(): void {
    const { node, data, settle } = this.#inFlight.shift()!;
    const index = this.#append(data);
    settle({ is: "applied", index, result: node.resultAt(index) });
  }

  #append(data: Buffer): number {
    const index = this.log.length + 1;
    this.log.push({ index, term: this.term, data });
    for (const node of this.nodes.values()) node.apply();
    return index;
  }
}

/** One node's view of a MemoryQuorum. */
export class MemoryConsensus<Result> implements Consensus<Result> {
  readonly id: number;
  leadership: Leadership = { is: "follower", term: 0, leader: null };
  onLeadership: (leadership: Leadership) => void = () => {};
  onApplied: (entry: CommittedEntry, result: Result) => void = () => {};
  onRestored: () => void = () => {};
  onMembers: () => void = () => {};
  readonly #machine: StateMachine<Result>;
  readonly #quorum: MemoryQuorum<Result>;
  #applied = 0;
  #last: { index: number; result: Result } | null = null;
  /** A leader that no majority hears: proposals and barriers get no answer. */
  isIsolated = false;
  room: Space = "ok";

  constructor(id: number, machine: StateMachine<Result>, quorum: MemoryQuorum<Result>) {
    this.id = id;
    this.#machine = machine;
    this.#quorum = quorum;
  }

  propose(data: Buffer): Promise<Proposed<Result>> {
    if (this.isIsolated) return new Promise(() => {});
    if (this.leadership.is === "follower") return Promise.resolve({ is: "notLeader", leader: this.leadership.leader });
    return this.#quorum.propose(this, data);
  }

  readBarrier(): Promise<"ok" | "notLeader"> {
    if (this.isIsolated) return new Promise(() => {});
    return Promise.resolve(this.leadership.is === "leader" ? "ok" : "notLeader");
  }

  /** This quorum is what the test makes it. */
  change(): Promise<Changed> {
    return Promise.resolve({ is: "notLeader", leader: null });
  }

  transfer(to?: number): Promise<Transferred> {
    const { leadership } = this;
    if (leadership.is === "follower") return Promise.resolve({ is: "notLeader", leader: leadership.leader });
    const next = to ?? [...this.#quorum.nodes.keys()].find((id) => id !== this.id);
    if (next === undefined || !this.#quorum.nodes.has(next)) return Promise.resolve({ is: "notTaken" });
    this.#quorum.elect(next);
    return Promise.resolve({ is: "done" });
  }

  snapshot(): Snapshot {
    const data = this.#machine.snapshot();
    const cluster = { id: "memory", members: [...this.#quorum.nodes.keys()] };
    const position = { index: this.#applied, term: this.#quorum.term, hash: Buffer.alloc(16) };
    return { info: { ...position, cluster, bytes: data.length, digest: digestOf(data) }, data };
  }

  status(): ConsensusStatus {
    const { leadership } = this;
    const at = this.#applied;
    return {
      id: this.id,
      role: leadership.is,
      term: leadership.term,
      leader: leadership.is === "leader" ? this.id : leadership.leader,
      commitIndex: at,
      appliedIndex: at,
      lastIndex: at,
      firstIndex: 1,
      snapshotIndex: 0,
      members: [...this.#quorum.nodes.keys()],
      learners: [],
      addresses: this.#quorum.addresses,
      room: this.room,
      splitAt: null,
    };
  }

  close(): Promise<void> {
    this.#quorum.nodes.delete(this.id);
    return Promise.resolve();
  }

  led(leadership: Leadership): void {
    this.leadership = leadership;
    this.onLeadership(leadership);
  }

  apply(): void {
    while (this.#applied < this.#quorum.log.length) {
      const entry = this.#quorum.log[this.#applied++]!;
      const { result } = this.#machine.apply(entry);
      this.#last = { index: entry.index, result };
      this.onApplied(entry, result);
    }
  }

  resultAt(index: number): Result {
    assert(this.#last?.index === index, "the proposer applied its entry last");
    return this.#last.result;
  }
}
