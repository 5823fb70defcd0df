import { must } from "@odradek/kit/simulation";

import { clusterIn } from "../raft/configurations.ts";
import type { RaftCore } from "../raft/core.ts";
import { majority } from "../raft/quorum.ts";
import type { Leader } from "../raft/roles.ts";
import type { Entry } from "../store/entry.ts";

/** `membersAt`: the entry whose configuration was in force. */
type Seen = { core: RaftCore; commit: number; leaderOf: number; membersAt: number };

/**
 * What must hold after every event, over all nodes and their lives. Hashes chain the log, so that one comparison covers
 * everything before it.
 */
export class Checks {
  /** Lines in the order in which they were applied anywhere. */
  readonly lines: string[] = [];
  /** Each entry once, when the first node commits it. */
  onCommitted: (entry: Entry) => void = () => {};
  readonly #leaders = new Map<number, number>();
  /** By index: hash of the committed entry, and the term of the leader that committed it. */
  readonly #committed: { hash: Buffer; term: number }[] = [];
  readonly #seen = new Map<number, Seen>();
  /** As the newest committed configuration has them. */
  #voters: ReadonlySet<number> | null = null;

  /** By index: the digest of the state's rows after that entry. */
  readonly #digests: Buffer[] = [];

  get committedIndex(): number {
    return this.#committed.length - 1;
  }

  /** After every event, for every running node. */
  look(id: number, core: RaftCore): void {
    let seen = this.#seen.get(id);
    if (seen?.core !== core) {
      seen = { core, commit: 0, leaderOf: -1, membersAt: 0 };
      this.#seen.set(id, seen);
    }
    const { state } = core;
    must(state.commit >= seen.commit, `node ${id}: the commit index went back from ${seen.commit} to ${state.commit}`);
    if (state.role.is === "leader" && seen.leaderOf !== state.term) this.#leads(id, core, seen);
    if (state.commit > seen.commit) this.#commits(id, core, seen.commit);
    const { index: membersAt } = state.configurations.newest;
    if (state.role.is === "leader") {
      if (membersAt > seen.membersAt && membersAt > state.role.firstIndex) mayChange(id, seen, state.role);
      this.#mayLead(id, state, state.role);
    }
    Object.assign(seen, { commit: state.commit, membersAt });
  }

  /** A leader hears a majority (RELIABILITY R-17) and has a disk that answers, or it leads no longer. */
  #mayLead(id: number, state: RaftCore["state"], role: Leader): void {
    const { nowMs, timing } = state;
    const lateMs = 3 * timing.heartbeatMs;
    const isHeard = (voter: number): boolean =>
      voter === id || nowMs - (role.followers.get(voter)?.heardMs ?? -Infinity) < timing.electionMsMax + lateMs;
    const heard = state.voters.filter(isHeard).length;
    must(heard > state.voters.length / 2, `node ${id} leads term ${state.term} and hears ${heard} of its quorum`);
    const since = state.pending[0]?.sinceMs ?? nowMs;
    must(nowMs - since < timing.diskStallMs + lateMs, `node ${id} leads term ${state.term} with a hung disk`);
  }

  #leads(id: number, { state }: RaftCore, seen: Seen): void {
    seen.leaderOf = state.term;
    const other = this.#leaders.get(state.term);
    must(other === undefined || other === id, `nodes ${other} and ${id} both lead term ${state.term}`);
    this.#leaders.set(state.term, id);
    const last = this.#committed.findLastIndex((entry) => entry !== undefined && entry.term < state.term);
    if (last > state.log.base.index) {
      must(state.log.last.index >= last, `leader ${id} of term ${state.term} lacks committed entry ${last}`);
      must(state.log.at(last).hash.equals(this.#committed[last]!.hash), `leader ${id} has another entry ${last}`);
    }
  }

  #commits(id: number, { state }: RaftCore, from: number): void {
    for (let index = Math.max(from, state.log.base.index) + 1; index <= state.commit; index++) {
      const entry = state.log.at(index);
      const { hash } = entry;
      const known = this.#committed[index];
      must(!known || known.hash.equals(hash), `node ${id} commits another entry ${index} in term ${state.term}`);
      if (known) continue;
      this.#committed[index] = { hash, term: state.term };
      if (entry.is === "members") this.#changesMembers(entry);
      this.onCommitted(entry);
    }
  }

  /** Majorities of the set of voters before and of this one have a node in common (RELIABILITY R-15). */
  #changesMembers(entry: Entry): void {
    const voters = new Set(clusterIn(entry).members);
    const before = this.#voters ?? voters;
    const apart = new Set([...before, ...voters]).size;
    const overlap = majority(before.size) + majority(voters.size) - apart;
    must(overlap > 0, `entry ${entry.index} changes voters ${[...before]} to ${[...voters]}`);
    this.#voters = voters;
  }

  /** Line number `at` (from 1) was applied on node `id`. */
  applied(id: number, at: number, line: string): void {
    must(at <= this.lines.length + 1, `node ${id} applies line ${at} of ${this.lines.length}`);
    const known = this.lines[at - 1];
    must(known === undefined || known === line, `node ${id} applies "${line}" as line ${at}, others "${known}"`);
    this.lines[at - 1] = line;
  }

  /** The whole state of node `id`, from its disk or from a snapshot. */
  loaded(id: number, lines: readonly string[]): void {
    must(lines.length <= this.lines.length, `node ${id} has lines that nobody applied`);
    for (let at = 0; at < lines.length; at++)
      must(lines[at] === this.lines[at], `node ${id} has "${lines[at]}" as line ${at + 1}, others "${this.lines[at]}"`);
  }

  /** Node `id` writes the state after entry `index`: it has the digest that it has on all nodes and in all their lives (RELIABILITY R-26). */
  wrote(id: number, index: number, digest: Buffer): void {
    const known = (this.#digests[index] ??= digest);
    must(known.equals(digest), `node ${id} has another state after entry ${index} than others`);
  }

  /** The proposer was told that its line is number `at`. */
  acknowledged(line: string, at: number): void {
    must(this.lines[at - 1] === line, `"${line}" was acknowledged as line ${at}, which is "${this.lines[at - 1]}"`);
  }

  /** A read that began when `before` lines were acknowledged sees `lines`. */
  read(id: number, lines: number, before: number): void {
    must(lines >= before, `a read on node ${id} sees ${lines} lines after ${before} were acknowledged`);
  }
}

/** A leader changes the members when the change before and an entry of its own term are committed, so `seen` before this event (RELIABILITY R-15). */
function mayChange(id: number, { commit, membersAt }: Seen, { firstIndex }: Leader): void {
  must(membersAt <= commit, `leader ${id} changes the members while the change of entry ${membersAt} is not committed`);
  must(firstIndex <= commit, `leader ${id} changes the members before it has committed entry ${firstIndex}, its first`);
}
