import { kept, Reader, Writer } from "../bytes.ts";
import type { Node } from "../znode.ts";

/** node: one per path. Key: 0x41 path. Value: the node with its path, CRC-32. */
export const TAG = 0x41;

export function key(path: string): Buffer {
  return Buffer.from(String.fromCharCode(TAG) + path);
}

/** Nodes never change, so each is encoded once: a snapshot of ten thousand must not hold the loop for a heartbeat. */
const encoded = new WeakMap<Node, Buffer>();

export function encode(node: Node): Buffer {
  let bytes = encoded.get(node);
  if (!bytes) encoded.set(node, (bytes = kept(writeNode(new Writer(), node).sealed())));
  return bytes;
}

export function decode(value: Buffer): Node {
  return readNode(Reader.sealed(value, "a stored node"));
}

export function writeNode(writer: Writer, node: Node): Writer {
  writer.string(node.path).buffer(node.data).number(node.version);
  writer.number(node.createdRevision).number(node.modifiedRevision);
  return writer
    .string(node.owner ?? "")
    .number(node.childCount)
    .number(node.nextSequence);
}

export function readNode(reader: Reader): Node {
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
