import type { Failure } from "../../client/types.ts";
import { Reader, Writer } from "../bytes.ts";
import type { Answer } from "../sessions.ts";

/** answer: one per write whose client may ask again. Key: 0x43 length(id) id sequence(6 bytes). Value: session, sequence, answer, CRC-32. */
export const TAG = 0x43;

const failures: readonly Failure[] = [
  "NO_NODE",
  "NODE_EXISTS",
  "BAD_VERSION",
  "NOT_EMPTY",
  "NO_PARENT",
  "EPHEMERAL_PARENT",
  "BAD_PATH",
  "TOO_LARGE",
];

export type StoredAnswer = { session: string; sequence: number; answer: Answer };

export function key(session: string, sequence: number): Buffer {
  const number = Buffer.alloc(6);
  number.writeUIntBE(sequence, 0, 6);
  const id = Buffer.from(session);
  return Buffer.concat([Buffer.from([TAG, id.length]), id, number]);
}

export function encode({ session, sequence, answer }: StoredAnswer): Buffer {
  const writer = new Writer()
    .string(session)
    .number(sequence)
    .flag(answer.is === "done");
  if (answer.is === "failed")
    return writer.number(answer.at).number(failures.indexOf(answer.failure)).string(answer.path).sealed();
  writer.number(answer.revision).number(answer.results.length);
  for (const { path, version } of answer.results) writer.string(path).number(version);
  return writer.sealed();
}

export function decode(value: Buffer): StoredAnswer {
  const reader = Reader.sealed(value, "a stored answer");
  const session = reader.string();
  const sequence = reader.number();
  if (!reader.flag()) {
    const at = reader.number();
    const failure = failures[reader.number()];
    if (!failure) throw new Error("a stored answer names an unknown failure");
    return { session, sequence, answer: { is: "failed", at, failure, path: reader.string() } };
  }
  const revision = reader.number();
  const results = reader.list(() => ({ path: reader.string(), version: reader.number() }));
  return { session, sequence, answer: { is: "done", revision, results } };
}
