import { crc32 } from "node:zlib";
import { AssertionError } from "@odradek/kit";
import { decodeSnapshotFile, encodeSnapshotFile } from "../../../packages/metadata/src/offline/snapshot-file.ts";
import { beginning, entryAfter } from "../../../packages/metadata/src/store/entry.ts";
import { logKey, logValue, readLogRecord } from "../../../packages/metadata/src/store/keys/log-record.ts";
import { digestOf } from "../../../packages/metadata/src/store/write.ts";
import { type Command, encodeCommand } from "../../../packages/metadata/src/tree/commands.ts";
import * as answer from "../../../packages/metadata/src/tree/keys/answer.ts";
import * as history from "../../../packages/metadata/src/tree/keys/history.ts";
import * as meta from "../../../packages/metadata/src/tree/keys/meta.ts";
import * as node from "../../../packages/metadata/src/tree/keys/node.ts";
import * as session from "../../../packages/metadata/src/tree/keys/session.ts";
import { TreeStateMachine } from "../../../packages/metadata/src/tree/machine.ts";
import { expect, type Target } from "../target.ts";

/** The store says what is wrong in an Error of no class; a TypeError or a RangeError is one that nobody meant. */
const isPlainError = (error: unknown): boolean => error instanceof Error && error.constructor === Error;

const id = "session-1";
const data = Buffer.from("data");
const commands: readonly Command[] = [
  { is: "plant", operations: [{ is: "create", path: "/a", data }] },
  { is: "attach", session: id, epoch: 1, create: true, timeoutMs: 6000, name: "one" },
  {
    is: "request",
    session: id,
    epoch: 1,
    sequence: 1,
    answeredUpTo: 0,
    operations: [
      { is: "checkAbsent", path: "/a/b" },
      { is: "create", path: "/a/b", data, ephemeral: true },
      { is: "create", path: "/a/c-", data, sequential: true },
      { is: "set", path: "/a", data, version: "any" },
      { is: "check", path: "/a", version: 2 },
      { is: "delete", path: "/a/b", version: 1 },
    ],
  },
  {
    is: "request",
    session: id,
    epoch: 1,
    sequence: 2,
    answeredUpTo: 1,
    operations: [{ is: "check", path: "/x", version: 7 }],
  },
  { is: "expire", session: id, term: 1, renewals: 1 },
  { is: "close", session: id },
  { is: "compact", through: 1 },
];

const withLength = (bytes: Buffer): Buffer => {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
};

function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; bytes.length - at >= 2;) {
    const end = at + 2 + bytes.readUInt16BE(at);
    yield bytes.subarray(at + 2, end);
    at = end;
  }
}

/** Entries of the quorum's log, each behind its length, as a member applies them: the tree must stay one that can be saved and loaded. */
export const tree: Target = {
  name: "tree",
  isExpected: isPlainError,
  seeds: () => {
    const all = commands.map((command) => withLength(encodeCommand(command, 1_700_000_000_000)));
    return [Buffer.concat(all), ...all.map((_, from) => Buffer.concat([...all.slice(0, 2), ...all.slice(from)]))];
  },
  // A machine that has saved nothing yet makes its first snapshots in a large buffer.
  allowedBytes: (bytes) => 512 * 1024 + 64 * bytes,
  run(bytes) {
    const machine = new TreeStateMachine();
    let [applied, refused] = [0, 0];
    for (const entry of pieces(bytes)) {
      try {
        machine.apply({ term: 1, data: entry });
        applied++;
      } catch (error) {
        if (!isPlainError(error)) throw error;
        refused++;
      }
    }
    const saved = machine.snapshot();
    const other = new TreeStateMachine();
    other.restore(saved);
    expect(other.snapshot().equals(saved), "a tree that was saved and loaded is another one");
    return 16 * applied + Math.min(refused, 15);
  },
};

const sealed = (bytes: Buffer): void => {
  if (bytes.length >= 4) bytes.writeUInt32BE(crc32(bytes.subarray(0, -4)), bytes.length - 4);
};

const rows = [node.decode, session.decode, answer.decode, history.decode, meta.decode];

function plantedTree(): TreeStateMachine {
  const machine = new TreeStateMachine();
  for (const command of commands.slice(0, 4))
    machine.apply({ term: 1, data: encodeCommand(command, 1_700_000_000_000) });
  return machine;
}

/** Rows of the tree as LevelDB gives them back; the first byte says which. */
export const treeRows: Target = {
  name: "tree-rows",
  isExpected: isPlainError,
  kindOf: (bytes) => (bytes[0] ?? 0) % rows.length,
  repair: (bytes) => sealed(bytes.subarray(1)),
  seeds: () => {
    const found: Buffer[] = [];
    const saved = plantedTree().snapshot();
    for (let at = 0, index = 0; at + 4 < saved.length; index++) {
      const field = saved.subarray(at + 4, at + 4 + saved.readUInt32BE(at));
      at += 4 + field.length;
      if (index % 2 === 1) for (const kind of rows.keys()) found.push(Buffer.concat([Buffer.from([kind]), field]));
    }
    return found;
  },
  run(bytes) {
    rows[(bytes[0] ?? 0) % rows.length]!(bytes.subarray(1));
    return undefined;
  },
};

/** A snapshot of the tree, as a member gets it from its leader. One that contradicts itself stops the member: its parts are asserted. */
export const treeSnapshots: Target = {
  name: "tree-snapshots",
  isExpected: (error) => isPlainError(error) || error instanceof AssertionError,
  repair: sealed,
  seeds: () => [new TreeStateMachine().snapshot(), plantedTree().snapshot()],
  run(bytes) {
    const machine = new TreeStateMachine();
    machine.restore(bytes);
    return machine.state.revision === 0 ? 0 : 1;
  },
};

/** A record of the quorum's log, and a snapshot that somebody saved to a file; the first byte says which. */
export const metadataFiles: Target = {
  name: "metadata-files",
  isExpected: isPlainError,
  kindOf: (bytes) => (bytes[0] ?? 0) % 2,
  repair: (bytes) => {
    if ((bytes[0] ?? 0) % 2 === 0) sealed(bytes.subarray(1));
    else if (bytes.length >= 5) bytes.writeUInt32BE(crc32(bytes.subarray(5), crc32(logKey(1))), 1);
  },
  seeds: () => {
    const content = plantedTree().snapshot();
    const about = { clusterId: "c", index: 3, term: 1, hash: Buffer.alloc(16), revision: 2, nodes: 3, sessions: 1 };
    const file = encodeSnapshotFile({ ...about, digest: digestOf(content), data: content, savedAtMs: 1 });
    const record = logValue(beginning.hash, entryAfter(beginning, { term: 1, is: "data", data }));
    return [Buffer.concat([Buffer.from([0]), ...file]), Buffer.concat([Buffer.from([1]), record])];
  },
  run(bytes) {
    if ((bytes[0] ?? 0) % 2 === 1) return readLogRecord(logKey(1), bytes.subarray(1), beginning) === null ? 1 : 2;
    const { nodes, sessions, revision } = decodeSnapshotFile(bytes.subarray(1));
    for (const number of [nodes, sessions, revision])
      expect(Number.isSafeInteger(number), "a snapshot without its counts");
    return 3;
  },
};
