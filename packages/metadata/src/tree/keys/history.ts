import { Reader, Writer } from "../bytes.ts";
import type { Changes } from "../watches.ts";
import { readNode, writeNode } from "./node.ts";

/** history: one per kept revision. Key: 0x44 revision(6 bytes, so that keys are in order). Value: nodes and paths that changed, CRC-32. */
export const TAG = 0x44;

export function key(revision: number): Buffer {
  const bytes = Buffer.alloc(7);
  bytes[0] = TAG;
  bytes.writeUIntBE(revision, 1, 6);
  return bytes;
}

export function encode(changes: Changes): Buffer {
  const writer = new Writer().number(changes.revision).number(changes.changed.length);
  for (const node of changes.changed) writeNode(writer, node);
  writer.number(changes.deleted.length);
  for (const path of changes.deleted) writer.string(path);
  return writer.sealed();
}

export function decode(value: Buffer): Changes {
  const reader = Reader.sealed(value, "a stored revision");
  const revision = reader.number();
  const changed = Array.from({ length: reader.number() }, () => readNode(reader));
  const deleted = Array.from({ length: reader.number() }, () => reader.string());
  return { revision, changed, deleted };
}
