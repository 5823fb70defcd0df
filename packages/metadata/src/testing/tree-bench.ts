import fc from "fast-check";
import type { KvWrite } from "@odradek/kit";
import type { Operation } from "../client/types.ts";
import type { Command } from "../tree/commands.ts";
import { encodeCommand } from "../tree/commands.ts";
import type { TreeResult } from "../tree/machine.ts";
import { TreeStateMachine } from "../tree/machine.ts";

const paths = ["/", "/a", "/a/b", "/a/b/c", "/b", "/b/s-", "/b/s-0000000000"];
const path = fc.constantFrom(...paths);
const data = fc.constantFrom("", "x", "yy").map((text) => Buffer.from(text));
const version = fc.oneof(fc.constant("any" as const), fc.integer({ min: 1, max: 3 }));
/** Any operation on a tree of a few paths. */
export const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ is: fc.constant("create"), path, data, ephemeral: fc.boolean(), sequential: fc.boolean() }),
  fc.record({ is: fc.constant("create"), path, data }),
  fc.record({ is: fc.constant("set"), path, data, version, ephemeral: fc.boolean() }),
  fc.record({ is: fc.constant("delete"), path, version, recursive: fc.boolean() }),
  fc.record({ is: fc.constant("check"), path, version: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ is: fc.constant("checkAbsent"), path }),
);
const session = fc.constantFrom("session-1", "session-2");
/** What a session may do: a multi, or end. */
export const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ is: fc.constant("multi"), session, operations: fc.array(operation, { maxLength: 5 }) }),
  },
  { weight: 1, arbitrary: fc.record({ is: fc.constant("end"), session, isExpiry: fc.boolean() }) },
);

/** A machine with the log in front of it and the store behind it. */
export class Bench {
  readonly machine = new TreeStateMachine();
  readonly stored = new Map<string, [Buffer, Buffer]>();
  readonly sequences = new Map<string, number>();
  term = 1;
  timeMs = 0;

  apply(command: Command): TreeResult {
    const { writes, result } = this.machine.apply({
      term: this.term,
      data: encodeCommand(command, this.timeMs),
    });
    this.store(writes);
    return result;
  }

  store(writes: KvWrite[]): void {
    for (const write of writes)
      if (write.is === "put") this.stored.set(write.key.toString("hex"), [write.key, write.value]);
      else this.stored.delete(write.key.toString("hex"));
  }

  open(id: string, epoch = 1): TreeResult {
    return this.apply({ is: "attach", session: id, epoch, create: true, timeoutMs: 6000, name: "" });
  }

  request(id: string, sequence: number, operations: Operation[], answeredUpTo = 0, epoch = 1): TreeResult {
    return this.apply({ is: "request", session: id, epoch, sequence, answeredUpTo, operations });
  }

  /** The next write of the session, all earlier answers known. */
  multi(id: string, operations: Operation[]): TreeResult {
    if (!this.machine.state.sessions.has(id)) {
      this.open(id);
      this.sequences.set(id, 0);
    }
    const sequence = this.sequences.get(id)! + 1;
    this.sequences.set(id, sequence);
    return this.request(id, sequence, operations, Math.max(0, sequence - 3));
  }

  end(id: string, isExpiry: boolean): TreeResult {
    const renewals = this.machine.state.sessions.get(id)?.renewals ?? 0;
    return this.apply(
      isExpiry ? { is: "expire", session: id, term: this.term, renewals } : { is: "close", session: id },
    );
  }
}

export function run(bench: Bench, each: typeof step extends fc.Arbitrary<infer Step> ? Step : never): TreeResult {
  return each.is === "multi" ? bench.multi(each.session, each.operations) : bench.end(each.session, each.isExpiry);
}

export const create = (at: string, ephemeral = false): Operation => ({
  is: "create",
  path: at,
  data: Buffer.from("v"),
  ephemeral,
});
