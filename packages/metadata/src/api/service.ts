import type { Cancel, Clock, Logger, Random, Rpc, RpcServer } from "@odradek/kit";
import { metadataService, type WireMember } from "../client/frames.ts";
import type { Consensus, Leadership, Proposed } from "../raft/consensus.ts";
import { type Knocked, knock } from "../client/knock.ts";
import { defaultHistory, type HistoryLimits } from "../config.ts";
import { type Command, encodeCommand } from "../tree/commands.ts";
import type { TreeResult, TreeStateMachine } from "../tree/machine.ts";
import { registerAdministration } from "./administration.ts";
import { registerSnapshots } from "./snapshot-stream.ts";
import { firstNodes } from "./first-nodes.ts";
import { HistoryKeeper } from "./history-keeper.ts";
import { Judge } from "./judge.ts";
import type { Desk } from "./session-stream.ts";
import { SessionStream } from "./session-stream.ts";
import { type Disk, memberList, sessionsOf, statusOf } from "./status.ts";

/** Often enough that a client notices a silent leader within a second (DESIGN D1). */
const bookmarkMs = 500;
/** A stream that has not attached by then is nobody's. */
const attachMs = 5_000;
/** A process that is gone refuses at once; silence says nothing, however long it is. */
const knockMs = 1_000;
/** Nobody waits for the first answer, and a process that starts may be slow. */
const firstKnockMs = 5_000;

export type ServiceParts = {
  consensus: Consensus<TreeResult>;
  machine: TreeStateMachine;
  /** Where members are, as far as it was configured. */
  addresses?: ReadonlyMap<number, string>;
  clock: Clock;
  random: Random;
  rpc: Rpc;
  logger: Logger;
  /** How much of the past can be read. */
  history?: HistoryLimits | undefined;
  /** Of this member; null: nobody looks. */
  disk?: Disk | null;
};

/** What clients see of a member: sessions while it leads, status always. */
export class MetadataService implements Desk {
  readonly consensus: Consensus<TreeResult>;
  readonly machine: TreeStateMachine;
  readonly #parts: ServiceParts;
  readonly #judge: Judge;
  readonly #keeper: HistoryKeeper;
  readonly #streams = new Set<SessionStream>();
  /** The newest stream of each session. */
  readonly #bySession = new Map<string, SessionStream>();
  #isConfirming = false;
  #areEventsScheduled = false;
  #bookmarks: Cancel = () => {};

  constructor(parts: ServiceParts) {
    this.#parts = parts;
    this.consensus = parts.consensus;
    this.machine = parts.machine;
    this.#judge = new Judge(parts.clock, (session) => void this.#expire(session));
    this.#keeper = new HistoryKeeper({
      ...parts,
      limits: parts.history ?? defaultHistory,
      isLeader: () => this.consensus.leadership.is === "leader",
      propose: (command) => this.propose(command),
    });
    this.consensus.onApplied = (_entry, result) => this.#applied(result);
    this.consensus.onMembers = () => {
      for (const stream of this.#bySession.values()) stream.memberList();
    };
    this.consensus.onLeadership = (leadership) => this.#led(leadership);
    this.#led(this.consensus.leadership);
    this.#scheduleBookmarks();
  }

  /** Registers the methods of proto/metadata.proto. */
  register(server: RpcServer): void {
    const { disk = null } = this.#parts;
    server.accept(metadataService.Session, (stream) => {
      const session = new SessionStream(this, stream);
      this.#streams.add(session);
      this.#parts.clock.timer(attachMs, () => {
        if (session.session === null) session.drop();
      });
    });
    server.handle(metadataService.Status, () =>
      Promise.resolve(statusOf(this.consensus, this.machine.state, this.#addresses, disk)),
    );
    registerSnapshots(server, this);
    registerAdministration(server, {
      consensus: this.consensus,
      machine: this.machine,
      members: () => this.members,
      propose: (command) => this.propose(command),
    });
    server.handle(metadataService.Sessions, () => {
      const isAttached = (id: string): boolean => this.#bySession.get(id)?.isAttached ?? false;
      return Promise.resolve({ sessions: sessionsOf(this.machine.state, isAttached) });
    });
  }

  get members(): WireMember[] {
    return memberList(this.consensus.status(), this.#addresses);
  }

  get #addresses(): ReadonlyMap<number, string> {
    return this.#parts.addresses ?? new Map();
  }

  close(): void {
    this.#bookmarks();
    this.#judge.stop();
    this.#keeper.close();
    for (const stream of this.#streams) stream.drop();
  }

  propose(command: Command): Promise<Proposed<TreeResult>> {
    return this.consensus.propose(encodeCommand(command, this.#parts.clock.wallMs()));
  }

  attached(stream: SessionStream): void {
    const session = this.machine.state.sessions.get(stream.session!);
    if (!session) return stream.ended();
    const before = this.#bySession.get(session.id);
    this.#bySession.set(session.id, stream);
    if (before && before !== stream) before.refuse("a newer connection took the session over");
    this.#judge.attached(session.id, session.timeoutMs);
    const { id, name, epoch } = session;
    this.#parts.logger.info({ evt: "SESSION_ATTACHED", session: id, name, connection: epoch }, "session attached");
  }

  heard(stream: SessionStream): void {
    if (this.#bySession.get(stream.session!) === stream) this.#judge.heard(stream.session!);
  }

  gone(stream: SessionStream): void {
    this.#streams.delete(stream);
    const id = stream.session;
    if (id === null || this.#bySession.get(id) !== stream) return;
    this.#bySession.delete(id);
    this.#judge.broken(id);
    if (stream.knownAddress !== null) void this.#bury(id, stream.knownAddress);
  }

  /** Where no knock can be answered from here, though the client lives, its refusal will prove nothing. */
  async reachable(stream: SessionStream, address: string): Promise<void> {
    const session = stream.session!;
    if ((await this.#knock(session, address, firstKnockMs)) === "answered") stream.answeredAt(address);
    else if (stream.isAttached)
      this.#parts.logger.info({ evt: "KNOCK_UNANSWERED", session, address }, "not reached where it says it serves");
  }

  /** A stream may break under a process that lives; where nobody listens any more there is none. */
  async #bury(id: string, address: string): Promise<void> {
    if (this.consensus.leadership.is !== "leader") return;
    const isDead = (await this.#knock(id, address, knockMs)) === "refused";
    // Whoever has attached again meanwhile lives.
    if (isDead && !this.#bySession.has(id)) this.#judge.dead(id);
  }

  /** Never rejects: the address is the client's word and must not cost us more than the knock. */
  async #knock(session: string, address: string, timeoutMs: number): Promise<Knocked> {
    try {
      return await knock(address, this.#parts.rpc, timeoutMs);
    } catch (error) {
      this.#parts.logger.warn({ evt: "KNOCK_FAILED", session, address, err: error }, "could not knock");
      return "unknown";
    }
  }

  #applied(result: TreeResult): void {
    if (this.consensus.leadership.is !== "leader") return;
    if (result.changes) this.#scheduleEvents();
    if (result.ended === null) return;
    this.#judge.ended(result.ended);
    this.#bySession.get(result.ended)?.ended();
  }

  /** Watches hear of everything that one tick applied in one go: most streams watch nothing, and asking each of them costs more than a write. */
  #scheduleEvents(): void {
    if (this.#areEventsScheduled) return;
    this.#areEventsScheduled = true;
    this.#parts.clock.afterTick(() => {
      this.#areEventsScheduled = false;
      for (const stream of this.#bySession.values()) stream.catchUp();
    });
  }

  #led(leadership: Leadership): void {
    if (leadership.is === "leader") {
      this.#judge.start(this.machine.state.sessions.values());
      void this.#plant();
      return;
    }
    this.#judge.stop();
    for (const stream of this.#streams) stream.notLeader(leadership.leader);
  }

  /** The first leader of an empty tree draws the cluster's id and makes the standard parents. */
  async #plant(): Promise<void> {
    if (this.machine.state.revision > 0) return;
    const operations = firstNodes(this.#parts.random);
    await this.propose({ is: "plant", operations });
  }

  /** The log decides: an attach that came first makes this stale (RELIABILITY C-02). Until it is committed, it is tried again. */
  async #expire(id: string): Promise<void> {
    const { leadership } = this.consensus;
    const session = this.machine.state.sessions.get(id);
    if (leadership.is !== "leader" || !session) return this.#judge.ended(id);
    const { name, renewals } = session;
    this.#parts.logger.info({ evt: "SESSION_EXPIRING", session: id, name }, "session is not heard any more");
    const command = { is: "expire", session: id, term: leadership.term, renewals } as const;
    const proposed = await this.propose(command);
    if (proposed.is === "applied" && proposed.result.reply.is === "ended")
      this.#parts.logger.info({ evt: "SESSION_EXPIRED", session: id, name }, "session expired");
    else this.#judge.spared(id, proposed.is === "applied");
  }

  #scheduleBookmarks(): void {
    this.#bookmarks = this.#parts.clock.timer(bookmarkMs, () => {
      this.#scheduleBookmarks();
      if (!this.#isConfirming) void this.#confirm();
    });
  }

  /** Only a leader that a quorum confirms may say that a session lives (RELIABILITY C-03). */
  async #confirm(): Promise<void> {
    if (this.#bySession.size === 0 || this.consensus.leadership.is !== "leader") return;
    this.#isConfirming = true;
    const heard = [...this.#bySession.values()].map((stream) => [stream, stream.keepAlive] as const);
    const barrier = await this.consensus.readBarrier();
    this.#isConfirming = false;
    if (barrier !== "ok") return;
    for (const [stream, keepAlive] of heard) if (stream.isAttached) stream.bookmark(keepAlive);
  }
}
