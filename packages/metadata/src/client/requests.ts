import { limits } from "../limits.ts";
import type { ClientFrame, ServerFrame, WireOperation } from "./frames.ts";
import type { Outcome } from "./types.ts";
import { fromWireOperation, fromWritten, toWireOperation } from "./wire.ts";
import type { Operation } from "./types.ts";

/** Calls that may wait for their turn; more mean that nobody waits for answers. */
const waitingMax = 10_000;

const pathOf = (operation: WireOperation): string => fromWireOperation(operation).path;

type Settle<T> = { resolve: (value: T) => void; reject: (error: Error) => void; deadline: number };
type Write = Settle<Outcome> & { operations: WireOperation[]; isGivenUp: boolean };
export type ReadAnswer = Extract<ServerFrame, { is: "found" | "unreadable" | "logPage" }>;
type Ask = (number: number) => ClientFrame;
type Read = Settle<ReadAnswer> & { ask: Ask };
type Send = (frame: ClientFrame) => void;

/**
 * Unanswered calls of a session. A write keeps its sequence number until it is answered and is sent again on every new link, so the
 * store applies it exactly once (RELIABILITY C-11); a read is simply asked again.
 */
export class Requests {
  readonly #writes = new Map<number, Write>();
  readonly #reads = new Map<number, Read>();
  /** Reads the member has been asked on this link. */
  readonly #asked = new Set<number>();
  /** Writes without a number yet: too many are in flight. */
  readonly #waiting: Write[] = [];
  #send: Send | null = null;
  #lastSequence = 0;
  #answeredUpTo = 0;
  #lastRead = 0;

  write(operations: Operation[], deadline: number): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length >= waitingMax)
        return reject(new Error("too many writes are waiting for the metadata store"));
      const wire = operations.map(toWireOperation);
      this.#waiting.push({ operations: wire, resolve, reject, deadline, isGivenUp: false });
      this.#issue();
    });
  }

  read(ask: Ask, deadline: number): Promise<ReadAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#reads.size >= waitingMax) return reject(new Error("too many reads are waiting for the metadata store"));
      const number = ++this.#lastRead;
      this.#reads.set(number, { ask, resolve, reject, deadline });
      this.#ask();
    });
  }

  /** A new link is there: everything unanswered is said again, writes in order. */
  start(send: Send): void {
    this.#send = send;
    for (const [sequence, write] of this.#writes) this.#post(sequence, write);
    this.#ask();
    this.#issue();
  }

  stop(): void {
    this.#send = null;
    this.#asked.clear();
  }

  receive(frame: ServerFrame): void {
    if (frame.is === "noRoom") return this.#noRoom(frame.noRoom.sequence);
    if (frame.is === "written") this.#written(frame.written.sequence, fromWritten(frame.written));
    else if (frame.is === "found") this.#answered(frame.found.number, frame);
    else if (frame.is === "unreadable") this.#answered(frame.unreadable.number, frame);
    else if (frame.is === "logPage") this.#answered(frame.logPage.number, frame);
  }

  /** Rejects what has waited too long. A write in flight keeps its number, or the next one would leave a gap. */
  expire(now: number, why: () => string): void {
    for (const write of this.#writes.values())
      if (write.deadline <= now && !write.isGivenUp) {
        write.isGivenUp = true;
        write.reject(new Error(`no answer to a write, which may still be applied; ${why()}`));
      }
    while (this.#waiting[0] && this.#waiting[0].deadline <= now) this.#waiting.shift()!.reject(new Error(why()));
    for (const [number, read] of this.#reads)
      if (read.deadline <= now) {
        this.#reads.delete(number);
        read.reject(new Error(why()));
      }
  }

  /** The session is over: nobody will learn what became of the writes in flight. */
  end(why: string): void {
    for (const write of [...this.#writes.values(), ...this.#waiting.splice(0)]) write.resolve({ is: "unknown" });
    for (const read of this.#reads.values()) read.reject(new Error(why));
    this.#writes.clear();
    this.#reads.clear();
    this.#send = null;
  }

  #issue(): void {
    while (this.#waiting.length > 0 && this.#lastSequence - this.#answeredUpTo < limits.inFlightMax) {
      const write = this.#waiting.shift()!;
      this.#writes.set(++this.#lastSequence, write);
      this.#post(this.#lastSequence, write);
    }
  }

  #post(sequence: number, { operations }: Write): void {
    this.#send?.({ is: "write", write: { sequence, answeredUpTo: this.#answeredUpTo, operations } });
  }

  #ask(): void {
    if (!this.#send || this.#reads.size === this.#asked.size) return;
    for (const [number, { ask }] of this.#reads) {
      if (this.#asked.size >= limits.readsInFlightMax) return;
      if (this.#asked.has(number)) continue;
      this.#asked.add(number);
      this.#send(ask(number));
    }
  }

  #written(sequence: number, outcome: Outcome): void {
    const write = this.#writes.get(sequence);
    if (!write) return;
    this.#writes.delete(sequence);
    while (this.#answeredUpTo < this.#lastSequence && !this.#writes.has(this.#answeredUpTo + 1)) this.#answeredUpTo++;
    write.resolve(outcome);
    this.#issue();
  }

  /** This write was refused before the store looked at it or at those after it: they are said again, under the numbers that are free now. */
  #noRoom(sequence: number): void {
    const [refused, ...later] = [...this.#writes].filter(([number]) => number >= sequence);
    if (refused?.[0] !== sequence) return;
    for (const [number] of [refused, ...later]) this.#writes.delete(number);
    this.#lastSequence = sequence - 1;
    this.#waiting.unshift(...later.map(([, write]) => write).filter((write) => !write.isGivenUp));
    const { operations, resolve } = refused[1];
    resolve({ is: "failed", at: 0, failure: "NO_SPACE", path: operations[0] ? pathOf(operations[0]) : "/" });
    this.#issue();
  }

  #answered(number: number, answer: ReadAnswer): void {
    const read = this.#reads.get(number);
    this.#asked.delete(number);
    if (!read) return;
    this.#reads.delete(number);
    read.resolve(answer);
    this.#ask();
  }
}
