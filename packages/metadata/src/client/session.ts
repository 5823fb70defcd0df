import type { Clock, Logger, Random } from "@odradek/kit";
import { delay } from "@odradek/kit";
import type { ServerFrame } from "./frames.ts";
import { firstOversized } from "./size.ts";
import type { LinkEnd } from "./link.ts";
import { attach, Link } from "./link.ts";
import { Members } from "./members.ts";
import { Pulse } from "./pulse.ts";
import { children, node, ofPast, readLog, readOf } from "./reads.ts";
import { Requests } from "./requests.ts";
import type { LogOptions, LogRow, OfPast, Operation, Outcome, Past, Session, SessionOptions } from "./types.ts";
import type { Watch, WatchOptions, Znode } from "./types.ts";
import { SessionWatch } from "./watch.ts";

const defaultTimeoutMs = 6_000;
/** How long a call waits for an answer before it rejects. */
const callMs = 30_000;
const attachMs = { min: 1_000, max: 4_000 };
/** Between rounds of asking who leads: short, because a new leader gives its clients one second (DESIGN D3). */
const backoffMs = { min: 50, max: 250 };
/** How long `close` waits for the store's word; without it the session expires by itself. */
const closeMs = 3_000;

type Ending = "expired" | "closed";

/** A session that finds the leader, keeps itself alive and survives the loss of any link. */
export class ClientSession implements Session, Past {
  readonly id: string;
  readonly ended: Promise<Ending>;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #members: Members;
  readonly #timeoutMs: number;
  readonly #name: string;
  readonly #requests = new Requests();
  readonly #watches = new Map<number, SessionWatch>();
  readonly #pulse: Pulse;
  #end: (ending: Ending) => void = () => {};
  #ending: Ending | null = null;
  #isClosing = false;
  #link: Link | null = null;
  #epoch = 0;
  #wasAttached = false;
  #lastWatch = 0;
  #address: string | null = null;
  #opened: () => void = () => {};
  /** Resolves when the session is attached for the first time. */
  readonly opened: Promise<void>;

  constructor(options: SessionOptions) {
    this.id = options.random.bytes(16).toString("base64url");
    this.#clock = options.clock;
    this.#random = options.random;
    this.#logger = options.logger.child({ session: this.id });
    this.#members = new Members(options.members, options.rpc, this.#logger);
    this.#timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
    this.#name = options.name ?? "";
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.opened = new Promise((resolve) => (this.#opened = resolve));
    this.#pulse = new Pulse(this.#clock, this.#timeoutMs, {
      keepAlive: (number) => this.#link?.send({ is: "keepAlive", keepAlive: { number } }),
      silent: () => void this.#askOthers(),
      broken: () => this.#link?.drop(),
      expired: () => this.#over("expired"),
      tick: (now) => this.#requests.expire(now, () => this.describe()),
    });
    void this.#run();
  }

  get connected(): boolean {
    return this.#link !== null;
  }

  /** Where this session stands, for error messages. */
  describe(): string {
    return `no metadata member answers: ${this.#members.describe()}`;
  }

  async get(path: string): Promise<Znode | null> {
    return node(await this.#read(readOf(path, false)));
  }

  async exists(path: string): Promise<boolean> {
    return (await this.get(path)) !== null;
  }

  async children(path: string): Promise<string[]> {
    return children(await this.#read(readOf(path, true)));
  }

  async getAt(path: string, revision: number): Promise<OfPast<Znode | null>> {
    return ofPast(revision, await this.#read(readOf(path, false, revision)), node);
  }

  async childrenAt(path: string, revision: number): Promise<OfPast<string[]>> {
    return ofPast(revision, await this.#read(readOf(path, true, revision)), children);
  }

  log(options: LogOptions): Promise<OfPast<LogRow[]>> {
    return readLog(options, (ask) => this.#read(ask));
  }

  async multi(operations: Operation[]): Promise<Outcome> {
    this.#assertOpen();
    const oversized = firstOversized(operations);
    if (oversized !== -1)
      return { is: "failed", at: oversized, failure: "TOO_LARGE", path: operations[oversized]!.path };
    return this.#requests.write(operations, this.#clock.now() + callMs);
  }

  create(path: string, data: Buffer, options: { ephemeral?: boolean; sequential?: boolean } = {}): Promise<Outcome> {
    return this.multi([{ is: "create", path, data, ...options }]);
  }

  set(path: string, data: Buffer, version: number | "any"): Promise<Outcome> {
    return this.multi([{ is: "set", path, data, version }]);
  }

  delete(path: string, version: number | "any", options: { recursive?: boolean } = {}): Promise<Outcome> {
    return this.multi([{ is: "delete", path, version, ...options }]);
  }

  watch(options: WatchOptions): Watch {
    this.#assertOpen();
    const number = ++this.#lastWatch;
    const watch = new SessionWatch(number, options, () => this.#watches.delete(number));
    this.#watches.set(number, watch);
    const link = this.#link;
    if (link) watch.start((frame) => link.send(frame));
    return watch;
  }

  reachableAt(address: string): void {
    this.#address = address;
    this.#link?.send({ is: "reachable", reachable: { address } });
  }

  async close(): Promise<void> {
    if (!this.#wasAttached) this.#over("closed");
    if (!this.#isClosing) {
      this.#isClosing = true;
      this.#link?.send({ is: "close", close: {} });
      this.#clock.timer(closeMs, () => this.#over("closed"));
    }
    await this.ended;
  }

  async #read(ask: Parameters<Requests["read"]>[0]): ReturnType<Requests["read"]> {
    this.#assertOpen();
    return this.#requests.read(ask, this.#clock.now() + callMs);
  }

  #assertOpen(): void {
    if (this.#ending) throw new Error(`the metadata session ${this.id} has ended: ${this.#ending}`);
    if (this.#isClosing) throw new Error(`the metadata session ${this.id} is being closed`);
  }

  /** Finds the leader, attaches, waits for the end of the link, and again. */
  async #run(): Promise<void> {
    let fallen: number | null = null;
    let hint: number | null = null;
    let failures = 0;
    while (!this.#ending) {
      const leader: number | null = hint ?? (await this.#members.leader(fallen));
      hint = null;
      const end: LinkEnd =
        leader === null ? { is: "broken", why: "nobody leads" } : await this.#attachTo(leader, failures);
      if (this.#ending) return;
      if (end.is === "ended") return this.#over(this.#isClosing ? "closed" : "expired");
      failures = this.#link ? 0 : failures + 1;
      if (this.#link) this.#unlink(end);
      else if (leader !== null) this.#members.failed(leader, end.is === "broken" ? end.why : "does not lead");
      fallen = leader;
      if (end.is === "notLeader" && end.leader !== leader) hint = end.leader;
      if (failures > 1) await delay(this.#clock, this.#backoffMs(failures));
    }
  }

  /** Attaches to one member and stays until the link is over; `#link` tells afterwards whether there was one. */
  async #attachTo(id: number, failures: number): Promise<LinkEnd> {
    const client = this.#members.client(id);
    if (!client) return { is: "broken", why: `member ${id} is not in the list of members` };
    const frame = { session: this.id, epoch: ++this.#epoch, create: !this.#wasAttached };
    const askedAt = this.#pulse.counted;
    const timeoutMs = Math.min(attachMs.min * 2 ** Math.max(0, failures - 1), attachMs.max);
    const link = await attach(
      { id, client },
      { ...frame, timeoutMs: this.#timeoutMs, name: this.#name },
      { clock: this.#clock, timeoutMs },
    );
    if (!(link instanceof Link)) return link;
    if (this.#ending) {
      link.drop();
      return { is: "broken", why: "the session has ended" };
    }
    this.#adopt(link, askedAt);
    return link.over;
  }

  #adopt(link: Link, askedAt: number): void {
    this.#link = link;
    this.#wasAttached = true;
    this.#pulse.linked(askedAt);
    this.#logger.debug({ member: link.member }, "session attached");
    link.onFrame = (frame) => this.#receive(frame);
    const send = link.send.bind(link);
    if (this.#address !== null) send({ is: "reachable", reachable: { address: this.#address } });
    for (const watch of this.#watches.values()) watch.start(send);
    this.#requests.start(send);
    if (this.#isClosing) send({ is: "close", close: {} });
    this.#opened();
  }

  #unlink(end: LinkEnd): void {
    const member = this.#link?.member;
    this.#link = null;
    this.#pulse.unlinked();
    this.#requests.stop();
    for (const watch of this.#watches.values()) watch.stop();
    this.#logger.info({ evt: "SESSION_DETACHED", member, ...end }, "the link to the metadata leader is gone");
  }

  #receive(frame: ServerFrame): void {
    switch (frame.is) {
      case "bookmark":
        this.#pulse.bookmark(frame.bookmark.keepAlive);
        for (const watch of this.#watches.values()) watch.bookmark(frame.bookmark.revision);
        return;
      case "memberList":
        this.#members.learn(frame.memberList.members, { isAll: true });
        return;
      case "written":
      case "noRoom":
      case "found":
      case "unreadable":
      case "logPage":
        this.#requests.receive(frame);
        return;
      case "watchStarted":
        this.#watches.get(frame.watchStarted.watch)?.receive(frame);
        return;
      case "watchSnapshot":
        this.#watches.get(frame.watchSnapshot.watch)?.receive(frame);
        return;
      case "watchChanges":
        this.#watches.get(frame.watchChanges.watch)?.receive(frame);
        return;
      case "watchCompacted":
        this.#watches.get(frame.watchCompacted.watch)?.receive(frame);
        return;
      default:
        return;
    }
  }

  /** The leader is silent: if another member leads by now, move there; if not, the silent one keeps the session. */
  async #askOthers(): Promise<void> {
    const link = this.#link;
    if (!link) return;
    const leader = await this.#members.leader(link.member);
    if (leader !== null && leader !== link.member && this.#link === link) link.drop();
  }

  #over(ending: Ending): void {
    if (this.#ending) return;
    this.#ending = ending;
    this.#pulse.stop();
    this.#link?.drop();
    this.#link = null;
    this.#requests.end(`the metadata session ${this.id} has ended: ${ending}`);
    for (const watch of this.#watches.values()) watch.end();
    this.#members.close();
    this.#logger.info({ evt: "SESSION_OVER", ending }, "the metadata session is over");
    this.#end(ending);
  }

  #backoffMs(failures: number): number {
    const full = Math.min(backoffMs.min * 2 ** (failures - 2), backoffMs.max);
    return full * (0.5 + this.#random.next() / 2);
  }
}

/** Opens a session with whoever leads. Rejects when no leader is found in time, with an Error that names the members and what each said. */
export async function openSession(options: SessionOptions): Promise<Session & Past> {
  const session = new ClientSession(options);
  let stopWaiting: () => void = () => {};
  const timeout = new Promise<"timeout">((resolve) => {
    stopWaiting = options.clock.timer(options.connectTimeoutMs, () => resolve("timeout"));
  });
  const first = await Promise.race([session.opened, timeout, session.ended]);
  stopWaiting();
  if (first === undefined) return session;
  const why = session.describe();
  void session.close();
  throw new Error(`no session within ${options.connectTimeoutMs} ms: ${why}`);
}
