import type { Znode } from "../../client/types.ts";
import { Reader, Writer } from "../bytes.ts";

/** node: one per path. Key: 0x41 path. Value: the node with its path, CRC-32. */
export const TAG = 0x41;

/** What is stored of a node. */
export type NodeFields = Readonly<Znode & { /** Number of the next sequential child. */ nextSequence: number }>;

export function key(path: string): Buffer {
  return Buffer.from(String.fromCharCode(TAG) + path);
}

export function encode(node: NodeFields): Buffer {
  return writeNode(new Writer(), node).sealed();
}

/** The data is a part of `value`. */
export function decode(value: Buffer): NodeFields {
  return readNode(Reader.sealed(value, "a stored node"));
}

export function writeNode(writer: Writer, node: NodeFields): Writer {
  writer.string(node.path).buffer(node.data).number(node.version);
  writer.number(node.createdRevision).number(node.modifiedRevision);
  return writer
    .string(node.owner ?? "")
    .number(node.childCount)
    .number(node.nextSequence);
}

export function readNode(reader: Reader): NodeFields {
  return {
    path: reader.string(),
    data: reader.buffer(),
    version: reader.number(),
    createdRevision: reader.number(),
    modifiedRevision: reader.number(),
    owner: reader.string() || null,
    childCount: reader.number(),
    nextSequence: reader.number(),
  };
}
