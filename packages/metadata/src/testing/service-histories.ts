import type { Operation, Outcome, Znode } from "../client/types.ts";
import { type Call, judge } from "./linearizable.ts";
import {
  inputOfWrite,
  outputOfRead,
  outputOfWrite,
  register,
  type RegisterInput,
  type RegisterOutput,
} from "./register.ts";

/** Far more than most worlds take. Where many writes were never answered an order may take longer to find. */
const stepsMax = 200_000;

/** What clients asked of some nodes and what they were told, and nothing else: judged without the log and without the model. */
export class Histories {
  readonly #calls: ReadonlyMap<string, Call<RegisterInput, RegisterOutput>[]>;
  /** Counts what was seen. */
  #now = 0;

  constructor(paths: readonly string[]) {
    this.#calls = new Map(paths.map((path) => [path, []]));
  }

  /** A read begins; call the result with what it found. */
  read(path: string): (node: Znode | null) => void {
    const call = this.#begin(path, { is: "get" });
    return (node) => this.#end(call, outputOfRead(node));
  }

  /** A write begins; call the result with what became of it. */
  write(operations: readonly Operation[]): (outcome: Outcome) => void {
    const at = operations.findIndex((operation) => this.#calls.has(operation.path) && inputOfWrite(operation));
    if (at < 0) return () => {};
    const { path } = operations[at]!;
    const call = this.#begin(path, inputOfWrite(operations[at]!)!);
    return (outcome) => {
      if (outcome.is === "unknown") return;
      if (outcome.is === "done" || outcome.at === at) this.#end(call, outputOfWrite(outcome, at));
      // Another operation failed, so this one was not tried.
      else this.#calls.get(path)!.splice(this.#calls.get(path)!.indexOf(call!), 1);
    };
  }

  /** Null: nothing says that a node did not behave as one register would. `gaveUp` is told of histories that are too hard to judge. */
  fault(gaveUp: (what: string) => void): string | null {
    for (const [path, calls] of this.#calls) {
      const verdict = judge(register, calls, { stepsMax });
      if (verdict.is === "gaveUp")
        gaveUp(`the history of ${path} is not judged: ${calls.length} calls, ${stepsMax} steps`);
      if (verdict.is !== "impossible") continue;
      const what = JSON.stringify(calls[verdict.stuckAt]);
      return `the history of ${path} is not linearizable: nothing explains ${what}`;
    }
    return null;
  }

  #begin(path: string, input: RegisterInput): Call<RegisterInput, RegisterOutput> | null {
    const calls = this.#calls.get(path);
    if (!calls) return null;
    const call = { input, calledAt: this.#now++, answer: null };
    calls.push(call);
    return call;
  }

  #end(call: Call<RegisterInput, RegisterOutput> | null, output: RegisterOutput): void {
    if (call) call.answer = { at: this.#now++, output };
  }
}
