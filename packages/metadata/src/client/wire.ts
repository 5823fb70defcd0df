import type { WireOperation, WireZnode, WrittenFrame } from "./frames.ts";
import type { Failure, Operation, Outcome, Znode } from "./types.ts";

type Answer = Exclude<Outcome, { is: "unknown" }>;

export function toWireOperation(operation: Operation): WireOperation {
  const { path } = operation;
  switch (operation.is) {
    case "create": {
      const { data, ephemeral = false, sequential = false } = operation;
      return { is: "create", create: { path, data, ephemeral, sequential } };
    }
    case "set": {
      const { data, ephemeral = false } = operation;
      return { is: "set", set: { path, data, ephemeral, ...exactly(operation.version) } };
    }
    case "delete":
      return { is: "delete", delete: { path, recursive: operation.recursive ?? false, ...exactly(operation.version) } };
    case "check":
      return { is: "check", check: { path, version: operation.version } };
    case "checkAbsent":
      return { is: "checkAbsent", checkAbsent: { path } };
  }
}

/** Throws on a message that is no operation: a member answers it by ending the stream. */
export function fromWireOperation(wire: WireOperation): Operation {
  switch (wire.is) {
    case "create":
      return { is: "create", ...wire.create };
    case "set": {
      const { path, data, ephemeral } = wire.set;
      return { is: "set", path, data, ephemeral, version: expected(wire.set.version) };
    }
    case "delete":
      return {
        is: "delete",
        path: wire.delete.path,
        recursive: wire.delete.recursive,
        version: expected(wire.delete.version),
      };
    case "check":
      return { is: "check", path: wire.check.path, version: natural(wire.check.version) };
    case "checkAbsent":
      return { is: "checkAbsent", path: wire.checkAbsent.path };
    default:
      throw new Error("the message is no operation");
  }
}

function exactly(version: number | "any"): { version?: number } {
  return version === "any" ? {} : { version };
}

function expected(version: number | undefined): number | "any" {
  return version === undefined ? "any" : natural(version);
}

/** Throws on what no counter of ours can be. */
export function natural(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`not a counter: ${value}`);
  return value;
}

export function toWireZnode(node: Znode): WireZnode {
  const { path, data, version, createdRevision, modifiedRevision, owner, childCount } = node;
  return { path, data, version, createdRevision, modifiedRevision, owner: owner ?? "", childCount };
}

export function fromWireZnode({ owner, ...rest }: WireZnode): Znode {
  return { ...rest, owner: owner === "" ? null : owner };
}

export function toWritten(sequence: number, answer: Answer): WrittenFrame {
  if (answer.is === "done")
    return { sequence, outcome: "done", done: { revision: answer.revision, results: answer.results } };
  return { sequence, outcome: "failed", failed: { at: answer.at, failure: answer.failure, path: answer.path } };
}

export function fromWritten(frame: WrittenFrame): Answer {
  if (frame.outcome === "done") return { is: "done", ...frame.done };
  const { at, failure, path } = frame.failed;
  return { is: "failed", at, failure: failure as Failure, path };
}
