import { Reader, Writer } from "../bytes.ts";
import type { SessionState } from "../sessions.ts";

/** session: one per open session. Key: 0x42 id. Value: everything but its answers and its nodes, CRC-32. */
export const TAG = 0x42;

export function key(id: string): Buffer {
  return Buffer.concat([Buffer.from([TAG]), Buffer.from(id)]);
}

export function encode(session: SessionState): Buffer {
  const writer = new Writer().string(session.id).string(session.name).number(session.timeoutMs);
  writer.number(session.epoch).number(session.renewals);
  return writer.number(session.lastSequence).number(session.answeredUpTo).sealed();
}

export function decode(value: Buffer): SessionState {
  const reader = Reader.sealed(value, "a stored session");
  return {
    id: reader.string(),
    name: reader.string(),
    timeoutMs: reader.number(),
    epoch: reader.number(),
    renewals: reader.number(),
    lastSequence: reader.number(),
    answeredUpTo: reader.number(),
    answers: new Map(),
    owned: new Set(),
  };
}
