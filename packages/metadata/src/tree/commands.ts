import type { Operation } from "../client/types.ts";
import { Reader, Writer } from "./bytes.ts";

/** What the log of the metadata quorum carries. Whoever proposes draws chance; applying is pure (RELIABILITY R-26). */
export type Command =
  /** Opens (`create`) or takes over a session for a new connection; `epoch` grows with every connection of the client. */
  | { is: "attach"; session: string; epoch: number; create: boolean; timeoutMs: number; name: string }
  /** A write of a session: applied once per sequence number (RELIABILITY C-11). */
  | { is: "request"; session: string; epoch: number; sequence: number; answeredUpTo: number; operations: Operation[] }
  | { is: "close"; session: string }
  /** The leader of `term` heard nothing since the session's `renewals`-th attach (RELIABILITY C-02). */
  | { is: "expire"; session: string; term: number; renewals: number }
  /** The first nodes of an empty tree; ignored by a tree that has any. */
  | { is: "plant"; operations: Operation[] }
  /** Forgets the past before revision `through`. The leader proposes it by its configuration, so that all nodes forget the same. */
  | { is: "compact"; through: number };

const tags = { attach: 1, request: 2, close: 3, expire: 4, plant: 5, compact: 6 } as const;
const operationTags = { create: 1, set: 2, delete: 3, check: 4, checkAbsent: 5 } as const;

/** `timeMs`: the proposer's wall clock, stamped into the entry, so that no node reads its own when it applies it (RELIABILITY R-26). */
export function encodeCommand(command: Command, timeMs: number): Buffer {
  const writer = new Writer().number(Math.max(0, Math.trunc(timeMs))).number(tags[command.is]);
  switch (command.is) {
    case "attach":
      writer.string(command.session).number(command.epoch).flag(command.create);
      return writer.number(command.timeoutMs).string(command.name).done();
    case "request":
      writer.string(command.session).number(command.epoch).number(command.sequence).number(command.answeredUpTo);
      return writeOperations(writer, command.operations).done();
    case "close":
      return writer.string(command.session).done();
    case "expire":
      return writer.string(command.session).number(command.term).number(command.renewals).done();
    case "plant":
      return writeOperations(writer, command.operations).done();
    case "compact":
      return writer.number(command.through).done();
  }
}

/** Throws on bytes that are no command. */
export function decodeCommand(bytes: Buffer): { timeMs: number; command: Command } {
  const reader = new Reader(bytes);
  return { timeMs: reader.number(), command: readCommand(reader) };
}

function readCommand(reader: Reader): Command {
  const tag = reader.number();
  switch (tag) {
    case tags.attach:
      return {
        is: "attach",
        session: reader.string(),
        epoch: reader.number(),
        create: reader.flag(),
        timeoutMs: reader.number(),
        name: reader.string(),
      };
    case tags.request:
      return {
        is: "request",
        session: reader.string(),
        epoch: reader.number(),
        sequence: reader.number(),
        answeredUpTo: reader.number(),
        operations: readOperations(reader),
      };
    case tags.close:
      return { is: "close", session: reader.string() };
    case tags.expire:
      return { is: "expire", session: reader.string(), term: reader.number(), renewals: reader.number() };
    case tags.plant:
      return { is: "plant", operations: planted(readOperations(reader)) };
    case tags.compact:
      return { is: "compact", through: reader.number() };
    default:
      throw new Error(`no command has the tag ${tag}`);
  }
}

function writeOperations(writer: Writer, operations: Operation[]): Writer {
  writer.number(operations.length);
  for (const operation of operations) {
    writer.number(operationTags[operation.is]).string(operation.path);
    switch (operation.is) {
      case "create":
        writer
          .buffer(operation.data)
          .flag(operation.ephemeral === true)
          .flag(operation.sequential === true);
        break;
      case "set":
        writeVersion(writer, operation.version)
          .buffer(operation.data)
          .flag(operation.ephemeral === true);
        break;
      case "delete":
        writeVersion(writer, operation.version).flag(operation.recursive === true);
        break;
      case "check":
        writer.number(operation.version);
        break;
      case "checkAbsent":
        break;
    }
  }
  return writer;
}

function readOperations(reader: Reader): Operation[] {
  return reader.list(() => readOperation(reader));
}

/** Nobody's session plants. */
function planted(operations: Operation[]): Operation[] {
  if (operations.some((operation) => "ephemeral" in operation && operation.ephemeral === true))
    throw new Error("a planted node without a session to own it");
  return operations;
}

function readOperation(reader: Reader): Operation {
  const tag = reader.number();
  const path = reader.string();
  switch (tag) {
    case operationTags.create:
      return { is: "create", path, data: reader.buffer(), ephemeral: reader.flag(), sequential: reader.flag() };
    case operationTags.set:
      return { is: "set", path, version: readVersion(reader), data: reader.buffer(), ephemeral: reader.flag() };
    case operationTags.delete:
      return { is: "delete", path, version: readVersion(reader), recursive: reader.flag() };
    case operationTags.check:
      return { is: "check", path, version: reader.number() };
    case operationTags.checkAbsent:
      return { is: "checkAbsent", path };
    default:
      throw new Error(`no operation has the tag ${tag}`);
  }
}

/** "any" and an exact version are two different things, not a sentinel (RELIABILITY C-15). */
function writeVersion(writer: Writer, version: number | "any"): Writer {
  return version === "any" ? writer.flag(false) : writer.flag(true).number(version);
}

function readVersion(reader: Reader): number | "any" {
  return reader.flag() ? reader.number() : "any";
}
