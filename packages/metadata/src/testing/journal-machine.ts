import { hash } from "node:crypto";

import { assert, type KvWrite } from "@odradek/kit";

import type { Applied, CommittedEntry, Loading, StateMachine } from "../raft/consensus.ts";

const lengthKey = Buffer.from([0x40]);

function lineKey(number: number): Buffer {
  const key = Buffer.alloc(5, 0x41);
  key.writeUInt32BE(number, 1);
  return key;
}

/** The smallest state machine that shows every loss, repetition and change of order: the lines it was given. The result is their count. */
export class JournalMachine implements StateMachine<number> {
  lines: string[] = [];

  apply(entry: CommittedEntry): Applied<number> {
    const line = entry.data.toString();
    this.lines.push(line);
    return { writes: [putLine(this.lines.length, line), putLength(this.lines.length)], result: this.lines.length };
  }

  loading(): Loading {
    const lines: string[] = [];
    let length: Buffer | null = null;
    return {
      add: (key, value) => {
        if (key.equals(lengthKey)) length = value;
        else lines.push(value.toString());
      },
      finish: () => {
        assert(lines.length === (length?.readUInt32BE() ?? 0), "every line has its row");
        this.lines = lines;
      },
    };
  }

  /** The newest line first: a snapshot is not the beginning of the next one. */
  snapshot(): Buffer {
    return Buffer.from(this.lines.toReversed().join("\n"));
  }

  restore(snapshot: Buffer): KvWrite[] {
    this.lines = snapshot.length === 0 ? [] : snapshot.toString().split("\n").toReversed();
    return [...this.lines.map((line, at) => putLine(at + 1, line)), putLength(this.lines.length)];
  }

  get digest(): string {
    return hash("sha1", this.lines.join("\n")).slice(0, 8);
  }
}

const putLine = (number: number, line: string): KvWrite => ({
  is: "put",
  key: lineKey(number),
  value: Buffer.from(line),
});

function putLength(length: number): KvWrite {
  const value = Buffer.alloc(4);
  value.writeUInt32BE(length);
  return { is: "put", key: lengthKey, value };
}
