import type { Message } from "../peers/messages.ts";
import { isBefore, laterOf, nobody, type Place } from "../store/write.ts";
import { newProgress } from "./progress.ts";
import { majority } from "./quorum.ts";
import { requestRound } from "./reads.ts";
import { becomeFollower } from "./roles.ts";
import type { RaftState, RollCall } from "./state.ts";

/*
 * Before a node takes part in elections again it asks all others for their term and for the end of their log. Whatever was
 * committed before is on a majority of disks, so it ends no later than the latest place that a majority may have promised: who votes
 * only for logs that reach that far, and in no term that any of them has seen, can do no harm, whatever its own disk has
 * forgotten. That holds for a backup that was put back, which looks whole (RELIABILITY R-23), and for damage that was noticed
 * as long as fewer than a majority do not know what they promised. A damaged node whose mark is whole does know: it lost entries, not
 * the place up to which it promised them.
 */

type Hello = Extract<Message, { is: "hello" }>;

/** What we say of ourselves: the end of our log, or where it ended when it was whole. */
export function promisedBy(raft: RaftState): Place | null {
  if (raft.standing === "empty") return null;
  if (raft.standing === "recovering" && raft.floor === null) return null;
  const { term, index } = raft.log.last;
  return laterOf({ term, index }, raft.floor);
}

export function onTestimony(raft: RaftState, from: number, hello: Hello): void {
  forgetBefore(raft, from, hello.asks);
  const { rollCall } = raft;
  if (rollCall === null || hello.answers !== rollCall.nonce) return;
  const { term, promised, voters } = hello;
  rollCall.heard.set(from, { term, promised, voters, atMs: raft.nowMs });
}

/** May a log that ends here win an election, for all that we know of what was promised? */
export function isLateEnough(raft: RaftState, end: Place): boolean {
  const { floor, rollCall } = raft;
  if (rollCall && !rollCall.over) return false;
  const heard = rollCall && promisedByMajority(raft, rollCall);
  return [floor, heard].every((place) => !place || !isBefore(end, place));
}

/** Asks those who have not answered, who did not know, or who were ahead of us; ends when enough is known, and then when we have caught up. */
export function rollCallTick(raft: RaftState): void {
  const { rollCall } = raft;
  if (rollCall === null || raft.standing === "empty") return;
  if (!rollCall.over && knowsEnough(raft, rollCall)) end(raft, rollCall);
  if (rollCall.over) forgetSilent(raft, rollCall);
  if (rollCall.over && hasReached(raft, promisedByMajority(raft, rollCall))) raft.rollCall = null;
  if (raft.rollCall === null || raft.nowMs < rollCall.askAtMs) return;
  rollCall.askAtMs = raft.nowMs + raft.timing.heartbeatMs;
  for (const to of asked(raft)) {
    const promised = rollCall.heard.get(to)?.promised;
    const isSettled = promised && (!rollCall.over || !isBefore(raft.log.last, promised));
    if (!isSettled) sayHello(raft, to, { asks: rollCall.nonce, answers: 0 });
  }
}

/** Whoever was ahead of us and does not answer any more is away, as one that never answered: the others go on without it. */
function forgetSilent(raft: RaftState, { heard }: RollCall): void {
  for (const [id, { promised, atMs }] of heard) {
    const isAsked = !promised || isBefore(raft.log.last, promised);
    if (isAsked && raft.nowMs - atMs > raft.timing.rollCallMs) heard.delete(id);
  }
}

/** Durable first, so that nobody builds on a standing or a term that we may forget. */
export function sayHello(raft: RaftState, to: number, numbers: { asks: number; answers: number }): void {
  const { term, standing } = raft;
  raft.tellDurable(to, {
    is: "hello",
    term,
    standing,
    ...numbers,
    promised: promisedBy(raft),
    voters: [...raft.voters],
  });
}

/** The log is as far again as what was promised. */
export function floorTick(raft: RaftState): void {
  if (raft.floor === null || raft.standing !== "voter" || !hasReached(raft, raft.floor)) return;
  raft.floor = null;
  raft.saveHard();
}

function hasReached(raft: RaftState, place: Place | null): boolean {
  const term = raft.log.termAt(raft.synced);
  return place !== null && term !== null && !isBefore({ term, index: raft.synced }, place);
}

/**
 * The latest place that a majority may have promised; null: nobody can tell. A disk that looks whole may be an old one, so it
 * is believed only when the others do not suffice.
 */
function promisedByMajority(raft: RaftState, { heard }: RollCall): Place | null {
  const others = asked(raft).map((id) => heard.get(id)?.promised ?? null);
  const withoutUs = raft.standing === "voter" ? reachedByMajorityOf([...others, null]) : null;
  return withoutUs ?? reachedByMajorityOf([...others, promisedBy(raft)]);
}

/** Null among the places is later than any. */
function reachedByMajorityOf(places: readonly (Place | null)[]): Place | null {
  const rank = (place: Place | null): Place => place ?? { term: Infinity, index: 0 };
  const ascending = places.toSorted((a, b) => (isBefore(rank(a), rank(b)) ? -1 : isBefore(rank(b), rank(a)) ? 1 : 0));
  return ascending[places.length - majority(places.length)]!;
}

function knowsEnough(raft: RaftState, rollCall: RollCall): boolean {
  const { heard, untilMs } = rollCall;
  const allHeard = asked(raft).every((id) => heard.has(id));
  if (raft.standing === "voter") return allHeard || raft.nowMs >= untilMs || !raft.isVoter;
  // Others may have committed among other voters than those we remember: then only a leader can tell (RELIABILITY R-12).
  const voters = raft.voters.join();
  const isAgreed = [...heard.values()].every((testimony) => testimony.voters.join() === voters);
  return allHeard && isAgreed && raft.isVoter && promisedByMajority(raft, rollCall) !== null;
}

const asked = (raft: RaftState): number[] => raft.voters.filter((id) => id !== raft.id);

function end(raft: RaftState, rollCall: RollCall): void {
  rollCall.over = true;
  const term = Math.max(raft.term, ...[...rollCall.heard.values()].map((testimony) => testimony.term));
  if (term > raft.term) becomeFollower(raft, term, null);
  raft.vote ??= nobody;
  const isOver = raft.standing === "recovering";
  if (isOver) {
    // Whatever we promised ends no later; from now on it is our own promise.
    raft.floor = promisedByMajority(raft, rollCall);
    raft.standing = "voter";
    raft.recoverUntil = null;
  }
  if (isOver || !raft.isVoter) raft.rollCall = null;
  raft.saveHard();
}

/** A process that starts may have less on its disk than the one before it acknowledged. */
function forgetBefore(raft: RaftState, from: number, boot: number): void {
  const { role } = raft;
  const progress = role.is === "leader" ? role.followers.get(from) : undefined;
  if (role.is !== "leader" || boot === 0 || !progress || progress.boot === boot) return;
  const sinceRound = requestRound(role);
  role.followers.set(from, { ...newProgress(raft.log.last.index + 1, raft.nowMs), boot, sinceRound });
}
