import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { assert } from "@odradek/kit";
import type { KvWrite } from "@odradek/kit";
import { limits } from "../limits.ts";
import type { StateRow } from "../store/write.ts";
import type { Command } from "./commands.ts";
import { decodeCommand } from "./commands.ts";
import { decide, decideEnd } from "./decide.ts";
import type { TreeEntry } from "./draft.ts";
import * as answerKeys from "./keys/answer.ts";
import * as sessionKeys from "./keys/session.ts";
import type { StoredEntry } from "./keys/state.ts";
import { entriesOf, StateBuilder, stateFrom } from "./keys/state.ts";
import { forget, replay } from "./replay.ts";
import type { Answer, Refusal, SessionState } from "./sessions.ts";
import { admit, forgetAnswered } from "./sessions.ts";
import { TreeState } from "./state.ts";
import type { Author, Changes } from "./history.ts";

/** What a command came to. */
export type Reply =
  | { is: "attached"; revision: number }
  | { is: "answered"; answer: Answer }
  | { is: "refused"; why: Refusal }
  /** A newer connection has taken the session over (RELIABILITY C-12). */
  | { is: "superseded" }
  /** There is no such session (any more). */
  | { is: "noSession" }
  | { is: "tooManySessions" }
  /** The session is over: closed, or expired. */
  | { is: "ended" }
  /** An expiry that was decided before the session's last attach, or by a deposed leader. */
  | { is: "stale" }
  | { is: "nothing" };

/** `changes`: the revision this entry made, if it made one. `ended`: the session it ended. */
export type TreeResult = { reply: Reply; changes: Changes | null; ended: string | null };

type Step = TreeResult & { writes: StateRow[] };

/** The tree behind the log, in the shape consensus wants of a state machine: decides what a committed command does and replays it (DESIGN D1). */
export class TreeStateMachine {
  #state = new TreeState();
  /** Room for the next snapshot: a little more than the last one took. */
  #snapshotBytes = 64 * 1024;

  /** The state at the last applied entry; replaced as a whole by load and restore. */
  get state(): TreeState {
    return this.#state;
  }

  /** `term` is the term of the leader that proposed the entry. */
  apply(entry: { term: number; data: Buffer }): { writes: StateRow[]; result: TreeResult } {
    if (entry.data.length === 0)
      return { writes: [], result: { reply: { is: "nothing" }, changes: null, ended: null } };
    const { command, timeMs } = decodeCommand(entry.data);
    const { writes, ...result } = this.#run(command, entry.term, timeMs);
    return { writes, result };
  }

  /** Begins to read what a store holds: nobody sees it before `finish`, which throws when the rows make no state. */
  loading(): { add: (key: Buffer, value: Buffer) => void; finish: () => void } {
    const builder = new StateBuilder();
    return {
      add: (key, value) => builder.add(key, value),
      finish: () => {
        this.#state = builder.state();
      },
    };
  }

  snapshot(): Buffer {
    let snapshot = Buffer.allocUnsafe(this.#snapshotBytes);
    let at = 0;
    const reserve = (bytes: number): void => {
      if (at + bytes <= snapshot.length) return;
      const larger = Buffer.allocUnsafe(Math.max(2 * snapshot.length, at + bytes));
      snapshot.copy(larger, 0, 0, at);
      snapshot = larger;
    };
    for (const entry of entriesOf(this.#state))
      for (const field of entry) {
        reserve(4 + field.length);
        at = snapshot.writeUInt32BE(field.length, at);
        at += field.copy(snapshot, at);
      }
    reserve(4);
    at = snapshot.writeUInt32BE(crc32(snapshot.subarray(0, at)), at);
    this.#snapshotBytes = Math.ceil(at * 1.1);
    return snapshot.subarray(0, at);
  }

  restore(snapshot: Buffer): KvWrite[] {
    const entries = readSnapshot(snapshot);
    this.#state = stateFrom(entries);
    return entries.map(([key, value]) => ({ is: "put", key, value }));
  }

  /** The same on every node that applied the same entries (RELIABILITY R-26). */
  digest(): string {
    return createHash("sha256").update(this.snapshot()).digest("base64url").slice(0, 22);
  }

  #run(command: Command, term: number, timeMs: number): Step {
    switch (command.is) {
      case "attach":
        return this.#attach(command);
      case "request":
        return this.#request(command, timeMs);
      case "close":
        return this.#end(command.session, { cause: "close", timeMs });
      case "expire": {
        const session = this.#state.sessions.get(command.session);
        const isStale = command.term !== term || session?.renewals !== command.renewals;
        return isStale ? only({ is: "stale" }) : this.#end(command.session, { cause: "expire", timeMs });
      }
      case "plant": {
        if (this.#state.revision > 0) return only({ is: "nothing" });
        const { answer, entry } = decide(this.#state, command.operations, null);
        const by: Author = { timeMs, cause: "plant", session: null, name: "" };
        return { reply: { is: "answered", answer }, ended: null, ...this.#replay(entry, by) };
      }
      case "compact":
        return { ...only({ is: "nothing" }), writes: forget(this.#state, command.through) };
    }
  }

  #attach({ session: id, epoch, create, timeoutMs, name }: Extract<Command, { is: "attach" }>): Step {
    const known = this.#state.sessions.get(id);
    if (!known && !create) return only({ is: "noSession" });
    if (!known && this.#state.sessions.size >= limits.sessionsMax) return only({ is: "tooManySessions" });
    if (known && known.epoch >= epoch) return only({ is: "superseded" });
    const session = known ?? newSession(id, name, timeoutMs);
    session.epoch = epoch;
    session.renewals++;
    this.#state.sessions.set(id, session);
    const writes = [this.#stored(session)];
    return { reply: { is: "attached", revision: this.#state.revision }, changes: null, ended: null, writes };
  }

  #request(command: Extract<Command, { is: "request" }>, timeMs: number): Step {
    const session = this.#state.sessions.get(command.session);
    if (!session) return only({ is: "noSession" });
    if (command.epoch < session.epoch) return only({ is: "superseded" });
    const writes: StateRow[] = forgetAnswered(session, command.answeredUpTo).map((sequence) => ({
      is: "delete",
      key: answerKeys.key(session.id, sequence),
    }));
    const admission = admit(session, command.sequence);
    if (admission.is !== "apply") {
      writes.push(this.#stored(session));
      const reply: Reply = admission.is === "repeated" ? { is: "answered", answer: admission.answer } : admission;
      return { reply, changes: null, ended: null, writes };
    }
    const { answer, entry } = decide(this.#state, command.operations, session.id);
    session.lastSequence = command.sequence;
    session.answers.set(command.sequence, answer);
    const { id, name } = session;
    const replayed = this.#replay(entry, { timeMs, cause: "request", session: id, name });
    const stored = { session: id, sequence: command.sequence, answer };
    writes.push(...replayed.writes, this.#stored(session), {
      is: "put",
      key: answerKeys.key(id, command.sequence),
      value: answerKeys.encode(stored),
      before: null,
    });
    return { reply: { is: "answered", answer }, changes: replayed.changes, ended: null, writes };
  }

  /** Ends a session and removes its ephemeral nodes in one revision (RELIABILITY C-05). */
  #end(id: string, why: Pick<Author, "cause" | "timeMs">): Step {
    const session = this.#state.sessions.get(id);
    if (!session) return only({ is: "noSession" });
    const by = { ...why, session: id, name: session.name };
    const { changes, writes } = this.#replay(decideEnd(this.#state, session.owned), by);
    assert(session.owned.size === 0, "an ended session owns nothing");
    this.#state.sessions.delete(id);
    writes.push({ is: "delete", key: sessionKeys.key(id) });
    for (const sequence of session.answers.keys()) writes.push({ is: "delete", key: answerKeys.key(id, sequence) });
    return { reply: { is: "ended" }, changes, ended: id, writes };
  }

  #replay(entry: TreeEntry | null, by: Author): { changes: Changes | null; writes: StateRow[] } {
    return entry ? replay(this.#state, entry, by) : { changes: null, writes: [] };
  }

  #stored(session: SessionState): KvWrite {
    return { is: "put", key: sessionKeys.key(session.id), value: sessionKeys.encode(session) };
  }
}

function only(reply: Reply): Step {
  return { reply, changes: null, ended: null, writes: [] };
}

function newSession(id: string, name: string, timeoutMs: number): SessionState {
  const numbers = { epoch: 0, renewals: 0, lastSequence: 0, answeredUpTo: 0 };
  return { id, name, timeoutMs, ...numbers, answers: new Map(), owned: new Set() };
}

function readSnapshot(snapshot: Buffer): StoredEntry[] {
  if (snapshot.length < 4) throw new Error("the snapshot is cut short");
  const body = snapshot.subarray(0, snapshot.length - 4);
  if (crc32(body) !== snapshot.readUInt32BE(body.length))
    throw new Error("the snapshot is damaged: CRC does not match");
  const entries: StoredEntry[] = [];
  let at = 0;
  const field = (): Buffer => {
    const start = at + 4;
    if (start > body.length) throw new Error("the snapshot is damaged: it ends inside a length");
    at = start + body.readUInt32BE(at);
    if (at > body.length) throw new Error("the snapshot is damaged: a field reaches past its end");
    return body.subarray(start, at);
  };
  while (at < body.length) entries.push([field(), field()]);
  return entries;
}
