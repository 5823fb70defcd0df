import type { RpcStream } from "@odradek/kit";
import type { AttachFrame, ClientFrame, ServerFrame, WriteFrame, WireMember } from "../client/frames.ts";
import { firstOversized } from "../client/size.ts";
import type { Operation } from "../client/types.ts";
import { fromWireOperation, natural, toWritten } from "../client/wire.ts";
import { limits } from "../limits.ts";
import type { Consensus, Proposed } from "../raft/consensus.ts";
import type { Command } from "../tree/commands.ts";
import type { TreeResult, TreeStateMachine } from "../tree/machine.ts";
import type { TreeState } from "../tree/state.ts";
import { Outbound } from "./outbound.ts";
import { answerLog, answerRead } from "./reading.ts";
import { Watching } from "./watching.ts";

/** What a stream needs of the member, and tells it. */
export type Desk = {
  readonly consensus: Consensus<TreeResult>;
  readonly machine: TreeStateMachine;
  /** Stamps the command with the time and hands it to consensus. */
  propose(command: Command): Promise<Proposed<TreeResult>>;
  /** Of the quorum, voters and learners. */
  readonly members: WireMember[];
  /** The session is attached to this stream from now on; an older stream of it must go. */
  attached(stream: SessionStream): void;
  heard(stream: SessionStream): void;
  /** Its client has said, once, where it serves. Never rejects. */
  reachable(stream: SessionStream, address: string): Promise<void>;
  /** The stream is gone. */
  gone(stream: SessionStream): void;
};

type Request = Extract<Command, { is: "request" }>;

/** One client's stream to this member: requests in, everything else out through one queue. */
export class SessionStream {
  readonly #desk: Desk;
  readonly #outbound: Outbound;
  readonly #watching: Watching;
  #attach: AttachFrame | null = null;
  #isAttached = false;
  #isOver = false;
  #keepAlive = 0;
  #hasSaidAddress = false;
  #knownAddress: string | null = null;
  #writing = 0;
  #reading = 0;
  /** The write that was refused for want of room; what the client sent after it, before it knew, is passed over. */
  #refused: number | null = null;
  /** Settles when the last write before it has: reads on one stream see the writes sent before them. */
  #lastWrite: Promise<unknown> = Promise.resolve();

  constructor(desk: Desk, stream: RpcStream<ServerFrame, ClientFrame>) {
    this.#desk = desk;
    this.#outbound = new Outbound(stream);
    this.#watching = new Watching((frame) => this.#outbound.push(frame), desk.machine.state.revision);
    stream.onMessage = (frame) => this.#receive(frame);
    stream.onEnded = () => this.#leave();
  }

  /** Id of the session, once the client has said it. */
  get session(): string | null {
    return this.#attach?.session ?? null;
  }

  /** The last keep-alive heard. */
  get keepAlive(): number {
    return this.#keepAlive;
  }

  /** Where its client serves as long as it lives, and has answered a knock; null: not known. */
  get knownAddress(): string | null {
    return this.#knownAddress;
  }

  answeredAt(address: string): void {
    this.#knownAddress = address;
  }

  get isAttached(): boolean {
    return this.#isAttached && !this.#isOver;
  }

  /** Sends the watch events of everything applied so far; comes before anything that could reveal it (RELIABILITY C-08). */
  catchUp(): void {
    if (!this.#watching.catchUp(this.#desk.machine.state)) this.refuse("the client is too far behind");
  }

  /** `keepAlive` was heard before a quorum confirmed this leader (RELIABILITY C-03). */
  bookmark(keepAlive: number): void {
    this.catchUp();
    this.#push({ is: "bookmark", bookmark: { revision: this.#desk.machine.state.revision, keepAlive } });
  }

  /** Who belongs to the quorum now: where to go when this leader goes. */
  memberList(): void {
    this.#push({ is: "memberList", memberList: { members: this.#desk.members } });
  }

  notLeader(leader: number | null): void {
    this.#end({ is: "notLeader", notLeader: { leader: leader ?? 0 } });
  }

  ended(): void {
    this.catchUp();
    this.#end({ is: "ended", ended: {} });
  }

  refuse(why: string): void {
    this.#end({ is: "refused", refused: { why } });
  }

  drop(): void {
    this.#outbound.drop();
    this.#leave();
  }

  #receive(frame: ClientFrame): void {
    if (this.#isOver) return;
    try {
      if (this.#isAttached) this.#handle(frame);
      else if (frame.is === "attach" && !this.#attach) void this.#open(checkedAttach(frame.attach));
      else throw new Error("a stream begins with one attach");
    } catch (error) {
      this.refuse((error as Error).message);
    }
  }

  async #open(attach: AttachFrame): Promise<void> {
    this.#attach = attach;
    const { consensus } = this.#desk;
    const { leadership } = consensus;
    if (leadership.is !== "leader") return this.notLeader(leadership.leader);
    const proposed = await this.#desk.propose({ is: "attach", ...attach });
    if (proposed.is !== "applied") return this.#unapplied(proposed);
    const { reply } = proposed.result;
    if (reply.is === "noSession") return this.ended();
    if (reply.is !== "attached") return this.refuse(reply.is);
    this.#isAttached = true;
    this.#desk.attached(this);
    // The client left while its attach was on the way: the session exists, its stream is broken.
    if (this.#isOver) return this.#desk.gone(this);
    this.catchUp();
    this.#push({ is: "attached", attached: { revision: this.#desk.machine.state.revision } });
    this.memberList();
  }

  #handle(frame: ClientFrame): void {
    this.#desk.heard(this);
    switch (frame.is) {
      case "keepAlive":
        this.#keepAlive = Math.max(this.#keepAlive, frame.keepAlive.number);
        return;
      case "write":
        if (this.#writing >= limits.inFlightMax) throw new Error("too many writes in flight");
        this.#take(frame.write.sequence, this.#command(frame.write));
        return;
      case "read":
        void this.#read((state) => answerRead(state, frame.read));
        return;
      case "readLog":
        void this.#read((state) => answerLog(state, frame.readLog));
        return;
      case "watchStart":
        if (this.#watching.size >= limits.watchesPerSessionMax) throw new Error("too many watches");
        this.catchUp();
        this.#watching.start(this.#desk.machine.state, frame.watchStart);
        return;
      case "watchStop":
        this.#watching.stop(frame.watchStop.watch);
        return;
      case "reachable":
        // Once, or a client could have us knock anywhere as fast as it speaks.
        if (this.#hasSaidAddress) throw new Error("the address was said already");
        this.#hasSaidAddress = true;
        void this.#desk.reachable(this, checkedAddress(frame.reachable.address));
        return;
      case "close":
        void this.#close();
        return;
      default:
        throw new Error("unexpected frame");
    }
  }

  /**
   * Refused without an entry of the log, for which there may be no room: the client takes the number back. That is exact because whatever an
   * earlier connection asked for was applied, or never will be, before this one was attached.
   * What was applied needs only its answer: it is asked for without its operations, which may be too large for the room there is.
   */
  #take(sequence: number, command: Request): void {
    const isBehindRefused = this.#refused !== null && sequence > this.#refused;
    if (isBehindRefused) return;
    const lastSequence = this.#desk.machine.state.sessions.get(command.session)?.lastSequence ?? 0;
    const isRepeated = sequence <= lastSequence;
    this.#refused = isRepeated || this.#hasRoom(command.operations) ? null : sequence;
    if (this.#refused !== null) this.#push({ is: "noRoom", noRoom: { sequence } });
    else this.#lastWrite = this.#write(sequence, isRepeated ? { ...command, operations: [] } : command);
  }

  #hasRoom(operations: Operation[]): boolean {
    const { room } = this.#desk.consensus;
    return room === "ok" || (room === "low" && !operations.some(isGrowth));
  }

  async #write(sequence: number, command: Request): Promise<void> {
    this.#writing++;
    const proposed = await this.#desk.propose(command);
    this.#writing--;
    if (proposed.is !== "applied") return this.#unapplied(proposed);
    const { reply } = proposed.result;
    this.catchUp();
    if (reply.is === "answered") this.#push({ is: "written", written: toWritten(sequence, reply.answer) });
    else if (reply.is === "noSession") this.ended();
    else this.refuse(reply.is === "refused" ? reply.why : reply.is);
  }

  /** Throws on what our client never sends; too large is refused before it is proposed (RELIABILITY R-27). */
  #command(frame: WriteFrame): Request {
    const operations = frame.operations.map(fromWireOperation);
    if (firstOversized(operations) !== -1) throw new Error("the write is too large");
    const { session, epoch } = this.#attach!;
    const sequence = natural(frame.sequence);
    return { is: "request", session, epoch, sequence, answeredUpTo: natural(frame.answeredUpTo), operations };
  }

  async #read(answer: (state: TreeState) => ServerFrame): Promise<void> {
    if (this.#reading >= limits.readsInFlightMax) return this.refuse("too many reads in flight");
    this.#reading++;
    await this.#lastWrite;
    const barrier = await this.#desk.consensus.readBarrier();
    this.#reading--;
    if (barrier !== "ok") return this.notLeader(null);
    this.catchUp();
    try {
      this.#push(answer(this.#desk.machine.state));
    } catch (error) {
      this.refuse((error as Error).message);
    }
  }

  async #close(): Promise<void> {
    const proposed = await this.#desk.propose({ is: "close", session: this.#attach!.session });
    if (proposed.is === "applied") this.ended();
    else this.#unapplied(proposed);
  }

  /** Nothing is said about the request itself: the client asks again with the same sequence number. */
  #unapplied(proposed: Exclude<Proposed<TreeResult>, { is: "applied" }>): void {
    if (proposed.is === "busy") this.refuse("the member is overloaded");
    else this.notLeader(proposed.is === "notLeader" ? proposed.leader : null);
  }

  #push(frame: ServerFrame): void {
    if (!this.#isOver) this.#outbound.push(frame);
  }

  #end(last: ServerFrame): void {
    if (this.#isOver) return;
    this.#outbound.end(last);
    this.#leave();
  }

  #leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#desk.gone(this);
  }
}

/** What makes the tree larger for good. The rest goes on while disks are low: leaders change, brokers come and go. */
function isGrowth(operation: Operation): boolean {
  if (operation.is !== "create" && operation.is !== "set") return false;
  if (operation.is === "create" && operation.ephemeral !== true) return true;
  return operation.data.length > limits.lowSpaceBytesMax;
}

/** Throws on what our client never sends. */
function checkedAttach(attach: AttachFrame): AttachFrame {
  const { session, epoch, timeoutMs, name } = attach;
  if (!/^[A-Za-z0-9_-]{8,64}$/.test(session)) throw new Error("not a session id");
  if (natural(epoch) === 0) throw new Error("epochs start at 1");
  if (natural(timeoutMs) < limits.sessionTimeoutMsMin || timeoutMs > limits.sessionTimeoutMsMax)
    throw new Error(`the session timeout must be ${limits.sessionTimeoutMsMin} to ${limits.sessionTimeoutMsMax} ms`);
  if (Buffer.byteLength(name) > limits.sessionNameBytesMax) throw new Error("the session's name is too long");
  return attach;
}

/** gRPC would take a host of this name for a scheme, and dial something else. */
const schemes: ReadonlySet<string> = new Set(["dns", "ipv4", "ipv6", "unix"]);

/** Throws on what is no host and port that can be dialled; an IPv6 address is in brackets. */
function checkedAddress(address: string): string {
  const [, host, port] = /^(\[[\da-f.]*:[\da-f.:]*(?:%[\w.-]+)?\]|[^\s:/[\]]+):(\d{1,5})$/i.exec(address) ?? [];
  const isPort = Number(port) >= 1 && Number(port) <= 65_535;
  if (host === undefined || !isPort || schemes.has(host) || Buffer.byteLength(address) > limits.addressBytesMax)
    throw new Error("not an address");
  return address;
}
