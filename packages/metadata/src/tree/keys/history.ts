import { Reader, Writer } from "../bytes.ts";
import type { Author, Cause, Changes } from "../history.ts";
import type { Undoing } from "../past.ts";
import { Node } from "../znode.ts";
import { readNode, writeNode } from "./node.ts";

/**
 * history: one per kept revision. Key: 0x44 revision(6 bytes, so that keys are in order).
 * Value: revision, time, cause, session, its name, changed and deleted nodes as they were, created paths, CRC-32.
 * What nodes became is not in it: the next revision that touches them has it, or the tree.
 */
export const TAG = 0x44;

const causes: readonly Cause[] = ["request", "close", "expire", "plant"];

export type StoredRevision = Undoing & { revision: number; by: Author };

export function key(revision: number): Buffer {
  const bytes = Buffer.alloc(7);
  bytes[0] = TAG;
  bytes.writeUIntBE(revision, 1, 6);
  return bytes;
}

export function encode({ revision, by, before, changed }: Changes): Buffer {
  const writer = new Writer().number(revision).number(by.timeMs).number(causes.indexOf(by.cause));
  writer.string(by.session ?? "").string(by.name);
  writer.number(before.length);
  for (const node of before) writeNode(writer, node);
  const had = new Set(before.map(({ path }) => path));
  const created = changed.filter(({ path }) => !had.has(path));
  writer.number(created.length);
  for (const { path } of created) writer.string(path);
  return writer.sealed();
}

export function decode(value: Buffer): StoredRevision {
  const reader = Reader.sealed(value, "a stored revision");
  const revision = reader.number();
  const timeMs = reader.number();
  const cause = causes[reader.number()];
  if (!cause) throw new Error("a stored revision names an unknown cause");
  const by = { timeMs, cause, session: reader.string() || null, name: reader.string() };
  const before = reader.list(() => new Node(readNode(reader)));
  const created = reader.list(() => reader.string());
  return { revision, by, before, created };
}
