import { type EventLoop, must, type StreamWitness } from "@odradek/kit/simulation";

import { judgement } from "../api/judge.ts";
import type { ClientFrame, ServerFrame } from "../client/frames.ts";
import type { ServiceNode } from "./service-node.ts";

/** A session as its leader hears it: when it said something, and when its stream broke. */
type Voice = { heardMs: number[]; brokeMs: number | null };
type Reign = { term: number; member: number; sinceMs: number; attached: Map<string, Voice>; left: Map<string, number> };

/** The proposal's time is cut to whole milliseconds. */
const roundingMs = 2;
/** What a loop that stood still may count of it: one late tick. */
const stallCountsMs = judgement.tickMs + judgement.latenessMs;
/** For a decision to be committed and applied, where nothing is slow. */
const commitMs = 500;

/**
 * Whether sessions end when they should, by what the leader's process heard of them and when: not before their timeout while they are attached,
 * 300 ms after their stream broke, a second after a new leader's first entry (DESIGN D3, docs/recipes.md); and soon enough.
 */
export class JudgedSessions {
  readonly #loop: EventLoop;
  readonly #nodes: readonly ServiceNode[];
  readonly #isOpen: (session: string) => boolean;
  readonly #reigns: Reign[] = [];
  readonly #dead = new Map<string, { atMs: number; withinMs: number }>();
  #quietSinceMs = 0;

  constructor(loop: EventLoop, nodes: readonly ServiceNode[], isOpen: (session: string) => boolean) {
    this.#loop = loop;
    this.#nodes = nodes;
    this.#isOpen = isOpen;
  }

  /** After every event. */
  look(): void {
    let isLed = false;
    for (const { id, node, paused } of this.#nodes) {
      if (paused) this.#quietSinceMs = this.#loop.nowMs;
      if (node?.consensus.leadership.is !== "leader") continue;
      isLed = true;
      const { term } = node.consensus.leadership;
      if (this.#reigns.some((reign) => reign.term === term)) continue;
      this.#quietSinceMs = this.#loop.nowMs;
      this.#reigns.push({ term, member: id, sinceMs: this.#loop.nowMs, attached: new Map(), left: new Map() });
    }
    if (!isLed) this.#quietSinceMs = this.#loop.nowMs;
  }

  /** Sees a new stream of a client to `member`. */
  witness(member: number): StreamWitness {
    let session: string | null = null;
    let voice: Voice | null = null;
    const keepAlives = new Map<number, number>();
    const broke = (): void => {
      const { nowMs } = this.#loop;
      if (voice) voice.brokeMs ??= nowMs;
      else if (session) this.#reignOf(member)?.left.set(session, nowMs);
    };
    return {
      heard: (message) => {
        const frame = message as ClientFrame;
        voice?.heardMs.push(this.#loop.nowMs);
        if (frame.is === "attach") session = frame.attach.session;
        if (frame.is === "keepAlive") keepAlives.set(frame.keepAlive.number, this.#loop.nowMs);
      },
      said: (message) => {
        const frame = message as ServerFrame;
        const reign = this.#reignOf(member);
        if (frame.is === "attached") {
          voice = { heardMs: [this.#loop.nowMs], brokeMs: null };
          reign?.attached.set(session!, voice);
        } else if (frame.is === "bookmark" && reign) this.#confirmed(reign, keepAlives.get(frame.bookmark.keepAlive));
        else if (frame.is === "refused" || frame.is === "notLeader" || frame.is === "ended") broke();
      },
      broke,
    };
  }

  /** `session` was ended by an entry that the leader of `term` proposed at `atMs`: had it reason to (RELIABILITY C-01, C-02, C-18)? */
  expired(session: string, { term, atMs, timeoutMs }: { term: number; atMs: number; timeoutMs: number }): void {
    const reign = this.#reigns.find((each) => each.term === term);
    must(reign !== undefined, `session ${session} expired in term ${term}, which nobody led`);
    const passed = (fromMs: number, ms: number): boolean =>
      this.#countedMs(reign.member, fromMs, atMs) >= ms - roundingMs;
    const voice = reign.attached.get(session);
    const left = reign.left.get(session);
    // What it says between the decision and its commit comes too late.
    const heardMs = voice?.heardMs.findLast((heard) => heard <= atMs);
    const isSilent = passed(heardMs ?? reign.sinceMs, timeoutMs);
    const isBroken = typeof voice?.brokeMs === "number" && passed(voice.brokeMs, judgement.graceMs);
    const neverCame = !voice && passed(reign.sinceMs, judgement.newLeaderGraceMs);
    const leftAtOnce = left !== undefined && passed(left, judgement.graceMs);
    const story = `led since ${reign.sinceMs}, heard ${heardMs}, broken ${voice?.brokeMs}`;
    must(isSilent || isBroken || neverCame || leftAtOnce, `session ${session} expired too early at ${atMs}: ${story}`);
  }

  /** Where nothing else is wrong, the session of a client that died is gone so soon after. */
  died(session: string, withinMs: number): void {
    this.#dead.set(session, { atMs: this.#loop.nowMs, withinMs });
  }

  /** No session of the dead outlives its time, counted from when there was a leader and nobody stood still. */
  lookAtDead(): void {
    for (const [session, { atMs, withinMs }] of this.#dead)
      if (!this.#isOpen(session)) this.#dead.delete(session);
      else {
        const since = Math.max(atMs, this.#quietSinceMs);
        must(this.#loop.nowMs - since <= withinMs + commitMs, `session ${session} died at ${atMs} and is still there`);
      }
  }

  /** A leader said that it heard a keep-alive which came at `heardMs`: a quorum confirmed after that that it leads (RELIABILITY C-03). */
  #confirmed(reign: Reign, heardMs: number | undefined): void {
    if (heardMs === undefined) return;
    const newer = this.#reigns.find(({ term, sinceMs }) => term > reign.term && sinceMs < heardMs);
    must(!newer, `node ${reign.member} confirmed a session in term ${reign.term} after ${newer?.term} had begun`);
  }

  #reignOf(member: number): Reign | undefined {
    return this.#reigns.findLast((reign) => reign.member === member);
  }

  /** As the leader counts: time in which its process stood still is none. */
  #countedMs(member: number, fromMs: number, untilMs: number): number {
    const { pauses } = this.#nodes.find(({ id }) => id === member)!;
    let counted = untilMs - fromMs;
    for (const pause of pauses) {
      const stoodMs = Math.min(pause.untilMs, untilMs) - Math.max(pause.fromMs, fromMs);
      counted -= Math.max(0, stoodMs - stallCountsMs);
    }
    return counted;
  }
}
