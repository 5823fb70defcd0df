import { assert, type Random } from "@odradek/kit";
import type { StoryCommand } from "@odradek/kit/testing";

import type { Message } from "../peers/messages.ts";
import { clusterIn } from "../raft/configurations.ts";
import { RaftCore } from "../raft/core.ts";
import type { MemberChange } from "../raft/membership.ts";
import { defaultLimits, defaultTiming, type PlantedBugs, type RaftLimits } from "../raft/options.ts";
import { isDispensable } from "../raft/present.ts";
import type { Ready } from "../raft/ready.ts";
import { roomOf } from "../raft/room.ts";
import { beginning, type Entry, type Position } from "../store/entry.ts";
import type { Space } from "../store/space.ts";
import { digestOf, type HardState, type Snapshot, type Write } from "../store/write.ts";

type Disk = { hard: HardState; base: Position; entries: Entry[]; applied: number; snapshotIndex: number };
type Node = { core: RaftCore; disk: Disk; held: (() => void)[] | null; lines: string[] };
type Letter = { from: number; to: number; message: Message };

const nobody: HardState = { term: 0, vote: null, standing: "empty", cluster: null, floor: null };
const cluster = { id: "story", members: [] as number[] };

/** Cores without network and disk: messages wait until they are delivered, writes are done at once unless the disk is held. */
export class RaftStory {
  readonly #nodes = new Map<number, Node>();
  readonly #cuts = new Set<string>();
  #letters: Letter[] = [];
  readonly #copies: Letter[] = [];
  readonly #backups = new Map<number, Disk>();
  #said: string[] = [];
  #nowMs = 0;
  #limits: RaftLimits = defaultLimits;
  #planted: PlantedBugs = {};

  run(command: StoryCommand): string {
    this.#said = [];
    this.#do(command);
    return this.#said.join("\n");
  }

  #do({ name, words, options, body }: StoryCommand): void {
    const node = Number(words[0]);
    switch (name) {
      case "quorum":
        return this.#quorum(node, options);
      case "elapse":
        return this.#elapse(node);
      case "tick":
        return this.#step(node, { is: "tick" });
      case "deliver":
        return this.#deliver(words[0]);
      case "drop":
        this.#letters = this.#letters.filter(({ from, to }) => words.length > 0 && `${from}>${to}` !== words[0]);
        return;
      case "copy":
        // Copies of what waits on a link, for later.
        this.#copies.push(...this.#letters.filter(({ from, to }) => `${from}>${to}` === words[0]));
        return;
      case "late":
        this.#letters.push(...this.#copies.splice(0));
        return;
      case "cut":
        for (const other of words.slice(1)) this.#cuts.add(`${node}>${other}`).add(`${other}>${node}`);
        return;
      case "heal":
        return this.#cuts.clear();
      case "propose":
        for (const line of body.length > 0 ? body : words.slice(1)) this.#propose(node, line);
        return;
      case "read":
        return this.#step(node, { is: "read", context: Number(words[1] ?? 1) });
      case "died":
        return this.#step(node, { is: "peerDied", peer: Number(words[1]) });
      case "transfer":
        return this.#step(node, { is: "transfer", ...(words[1] !== undefined && { to: Number(words[1]) }) });
      case "join":
        return this.#boot(node, emptyDisk(), { joining: true });
      case "add":
        return this.#change(node, { is: "add", id: Number(words[1]), address: `m${words[1]}:2181` });
      case "promote":
        return this.#change(node, { is: "promote", id: Number(words[1]) });
      case "remove":
        return this.#change(node, { is: "remove", id: Number(words[1]) });
      case "digest":
        return this.#step(node, {
          is: "digest",
          checkpoint: { index: Number(words[1]), digest: Buffer.from(words[2]!) },
        });
      case "space":
        return this.#step(node, { is: "space", space: words[1] as Space });
      case "rot":
        return this.#rot(node);
      case "room":
        this.#said.push(roomOf(this.#at(node).core.state));
        return;
      case "hold":
        this.#at(node).held ??= [];
        return;
      case "release":
        return this.#release(node);
      case "compact":
        return this.#compact(node, Number(options.get("keep") ?? 0));
      case "backup":
        this.#backups.set(node, { ...this.#at(node).disk, entries: [...this.#at(node).disk.entries] });
        return;
      case "restart":
        return this.#restart(node, options);
      case "status":
        for (const id of this.#nodes.keys()) this.#said.push(this.#status(id));
        return;
      default:
        throw new Error(`no command ${name}`);
    }
  }

  #quorum(size: number, options: Map<string, string>): void {
    cluster.members = Array.from({ length: size }, (_, at) => at + 1);
    this.#planted = Object.fromEntries((options.get("plant") ?? "").split(",").map((bug) => [bug, true]));
    if (options.has("chunk")) this.#limits = { ...this.#limits, snapshotChunkBytes: Number(options.get("chunk")) };
    for (const id of cluster.members) {
      const hard: HardState = options.get("disks") === "empty" ? nobody : { ...nobody, term: 1, standing: "voter" };
      this.#boot(id, { hard, base: beginning, entries: [], applied: 0, snapshotIndex: 0 });
    }
    if (options.get("disks") === "empty") return;
    // They have been running for a while: the roll call of their start is over.
    for (const id of cluster.members) this.#step(id, { is: "tick" });
    this.#deliver(undefined);
    for (const id of cluster.members) this.#step(id, { is: "tick" });
    this.#said = [];
  }

  #boot(id: number, disk: Disk, { joining = false } = {}): void {
    // Node 1 is the least patient, then node 2 …
    const random: Random = { next: () => id / 10, bytes: (count) => Buffer.alloc(count, id) };
    const { members } = cluster;
    const options = {
      id,
      members,
      joining,
      timing: defaultTiming,
      limits: this.#limits,
      random,
      planted: this.#planted,
    };
    const core = new RaftCore(options, { ...disk, entries: [...disk.entries] }, this.#nowMs);
    const kept = this.#nodes.get(id)?.lines.slice(0, disk.applied) ?? [];
    this.#nodes.set(id, { core, disk, held: null, lines: disk.applied === 0 ? [] : kept });
    this.#pump(id);
  }

  #elapse(ms: number): void {
    for (const untilMs = this.#nowMs + ms; this.#nowMs < untilMs;) {
      this.#nowMs += 10;
      for (const id of this.#nodes.keys()) this.#step(id, { is: "tick" });
    }
  }

  #step(id: number, input: Parameters<RaftCore["step"]>[1]): void {
    this.#at(id).core.step(this.#nowMs, input);
    this.#pump(id);
  }

  #pump(id: number): void {
    const { core } = this.#at(id);
    for (let ready = core.ready(); ready; ready = core.ready()) this.#process(id, ready);
  }

  #process(id: number, ready: Ready): void {
    const node = this.#at(id);
    this.#post(id, ready.send);
    if (ready.write || ready.afterWrite.length > 0) {
      const done = (): void => {
        if (ready.write) save(node.disk, ready.write);
        this.#post(id, ready.afterWrite);
        if (ready.write) this.#step(id, { is: "written", sequence: ready.write.sequence });
      };
      if (node.held) node.held.push(done);
      else done();
    }
    if (ready.install) {
      const lines = JSON.parse(ready.install.data.toString()) as string[];
      this.#said.push(`${id} installs snapshot ${ready.install.info.index}`);
      node.lines = lines;
      this.#step(id, { is: "installed", snapshot: ready.install, writes: [] });
    }
    for (const entry of ready.commit) this.#apply(node, id, entry);
    if (ready.verdict) this.#said.push(`${id} finds digests of entry ${ready.verdict.index} ${ready.verdict.is}`);
    if (ready.snapshotWanted) this.#step(id, { is: "snapshot", snapshot: this.#snapshot(node) });
    for (const context of ready.reads.served) this.#said.push(`${id} serves read ${context}`);
    for (const context of ready.reads.refused) this.#said.push(`${id} refuses read ${context}`);
  }

  #apply(node: Node, id: number, entry: Entry): void {
    node.disk.applied = entry.index;
    const line = entry.is === "data" ? entry.data.toString() : `${entry.is}${membersIn(entry)}`;
    node.lines.push(line);
    this.#said.push(`${id} applies ${entry.index} ${line}`);
  }

  #post(from: number, envelopes: { to: number; message: Message }[]): void {
    for (const { to, message } of envelopes)
      if (!this.#cuts.has(`${from}>${to}`)) this.#letters.push({ from, to, message });
  }

  /** Everything that waits and everything it brings about; or just the letters that wait on one link now. */
  #deliver(link: string | undefined): void {
    const take = (): Letter | undefined => {
      const at = this.#letters.findIndex(({ from, to }) => link === undefined || `${from}>${to}` === link);
      return at < 0 ? undefined : this.#letters.splice(at, 1)[0];
    };
    let left = link === undefined ? 500 : this.#letters.filter(({ from, to }) => `${from}>${to}` === link).length;
    for (let letter = take(); letter && left > 0; left--, letter = left > 0 ? take() : undefined) {
      const { from, to, message } = letter;
      if (this.#cuts.has(`${from}>${to}`)) continue;
      this.#said.push(`${from} -> ${to} ${describe(message)}`);
      this.#step(to, { is: "message", from, message });
    }
  }

  #propose(id: number, line: string): void {
    const submitted = this.#at(id).core.propose(this.#nowMs, Buffer.from(line));
    this.#said.push(submitted.is === "accepted" ? `${line} is entry ${submitted.index}` : submitted.is);
    this.#pump(id);
  }

  #change(id: number, change: MemberChange): void {
    const submitted = this.#at(id).core.change(this.#nowMs, change);
    const outcome = submitted.is === "refused" ? `refused: ${submitted.why}` : submitted.is;
    this.#said.push(submitted.is === "accepted" ? `${change.is} ${change.id} is entry ${submitted.index}` : outcome);
    this.#pump(id);
  }

  #rot(id: number): void {
    const stops = isDispensable(this.#at(id).core.state, (peer) => !this.#cuts.has(`${id}>${peer}`));
    this.#said.push(`${id} ${stops ? "stops" : "goes on"}`);
  }

  #release(id: number): void {
    const node = this.#at(id);
    const held = node.held ?? [];
    node.held = null;
    for (const done of held) done();
  }

  #compact(id: number, keep: number): void {
    const node = this.#at(id);
    const snapshot = this.#snapshot(node);
    const keepAfter = Math.max(snapshot.info.index - keep, node.core.state.log.base.index);
    this.#step(id, { is: "compact", snapshot, keepAfter });
  }

  #snapshot({ core, lines }: Node): Snapshot {
    const { log, applied } = core.state;
    const { index, term, hash } = applied === log.base.index ? log.base : log.at(applied);
    const data = Buffer.from(JSON.stringify(lines));
    const { cluster: now } = core.state;
    assert(now, "a snapshot is of a cluster");
    return { info: { index, term, hash, cluster: now, bytes: data.length, digest: digestOf(data) }, data };
  }

  /** The process dies and comes back with what its disk has: all, nothing, what a backup had, or a log whose damaged end was noticed. */
  #restart(id: number, options: Map<string, string>): void {
    const { disk } = this.#at(id);
    this.#letters = this.#letters.filter(({ from, to }) => from !== id && to !== id);
    const joining = { joining: !cluster.members.includes(id) || options.has("join") };
    const end = options.get("damaged-after");
    if (options.has("wiped")) this.#boot(id, emptyDisk(), joining);
    else if (options.has("backup")) this.#boot(id, this.#backups.get(id)!, joining);
    else this.#boot(id, end === undefined ? disk : damaged(disk, Number(end)), joining);
  }

  #status(id: number): string {
    const { role, term, log, commit, standing } = this.#at(id).core.state;
    const leader = role.is === "follower" && role.leader !== null ? ` of ${role.leader}` : "";
    const terms = Array.from(
      { length: log.last.index - log.base.index },
      (_, at) => log.at(log.base.index + 1 + at).term,
    );
    const base = log.base.index > 0 ? `(..${log.base.index}) ` : "";
    const who = standing === "voter" ? role.is : `${standing} ${role.is}`;
    return `${id} ${who}${leader} term=${term} log=${base}[${terms.join(" ")}] commit=${commit}${this.#members(id)}`;
  }

  /** Nothing while they are still the founders. */
  #members(id: number): string {
    const { voters, learners } = this.#at(id).core.state;
    if (learners.length === 0 && voters.join() === cluster.members.join()) return "";
    return ` voters=${voters.join(",")}${learners.length > 0 ? ` learners=${learners.join(",")}` : ""}`;
  }

  #at(id: number): Node {
    const node = this.#nodes.get(id);
    assert(node, `there is a node ${id}`);
    return node;
  }
}

const emptyDisk = (): Disk => ({ hard: nobody, base: beginning, entries: [], applied: 0, snapshotIndex: 0 });

/** Nothing for the entry that founds the cluster. */
function membersIn(entry: Entry): string {
  if (entry.is !== "members" || entry.index === 1) return "";
  const { members, learners = [] } = clusterIn(entry);
  return ` ${members.join(",")}${learners.length > 0 ? ` learners ${learners.join(",")}` : ""}`;
}

function save(disk: Disk, write: Write): void {
  if (write.hard) disk.hard = write.hard;
  if (write.install) {
    disk.base = write.install.snapshot.info;
    disk.entries = [];
    disk.applied = disk.base.index;
  }
  const { truncateTo, compact } = write;
  if (truncateTo) disk.entries = disk.entries.filter((entry) => entry.index <= truncateTo.index);
  disk.entries.push(...write.entries);
  if (compact) {
    disk.base = compact.base;
    disk.entries = disk.entries.filter((entry) => entry.index > compact.base.index);
  }
}

/** The entry after `previous` changes the members; the first founds the cluster. */
const isChange = (is: string, previous: number): boolean => is === "members" && previous > 0;

/** What `openStore` makes of a log that ends too early, beside a mark that is whole. */
function damaged(disk: Disk, end: number): Disk {
  const { term, index } = disk.entries.at(-1) ?? disk.base;
  const hard: HardState = { ...disk.hard, standing: "recovering", floor: { term, index } };
  return {
    ...disk,
    hard,
    entries: disk.entries.filter((entry) => entry.index <= end),
    applied: Math.min(disk.applied, end),
  };
}

/** One line per message, with what matters. */
function describe(message: Message): string {
  const { term } = message;
  switch (message.is) {
    case "hello":
      return `hello ${message.standing} term=${term}${message.promised ? ` last=${message.promised.index}/${message.promised.term}` : ""}`;
    case "preVote":
    case "vote":
      return `${message.is} term=${term} last=${message.lastIndex}/${message.lastTerm}`;
    case "preVoteReply":
    case "voteReply":
      return `${message.is} term=${term} ${message.granted ? "granted" : "refused"}`;
    case "append": {
      const terms = message.entries.map(({ term: of, is }, at) =>
        isChange(is, message.prevIndex + at) ? `${of}*` : of,
      );
      const recover = message.recover ? ` recover-until=${message.recover.until}` : "";
      return `append term=${term} after=${message.prevIndex}/${message.prevTerm} [${terms.join(" ")}] commit=${message.commit}${recover}`;
    }
    case "appendReply": {
      const { rejected, match, recovering, space } = message;
      const outcome = rejected ? `rejected, agree at most at ${rejected.index}/${rejected.term}` : `match=${match}`;
      return `appendReply term=${term} ${outcome}${recovering ? " (recovering)" : ""}${space === "ok" ? "" : ` (${space})`}`;
    }
    case "snapshot":
      return `snapshot ${message.info.index} bytes ${message.offset} to ${message.offset + message.data.length} of ${message.info.bytes}`;
    case "snapshotReply":
      return `snapshotReply ${message.index} ${message.installed ? "installed" : `received=${message.received}`}`;
    case "timeoutNow":
      return `timeoutNow term=${term}`;
    case "diverged":
      return `diverged after ${message.checkpoint.index}`;
    default:
      return message satisfies never;
  }
}
