import { dirname } from "node:path";
import { crc32 } from "node:zlib";

import { assert, type Files, type OpenFile } from "@odradek/kit";

import type { Position } from "./entry.ts";
import type { HardState } from "./write.ts";
import { fromJson, toJson } from "./keys/single.ts";

/** What a node has promised, beside the store that may forget it (DESIGN D2). */
export type Mark = HardState & {
  /** Of this disk: an emptied one gets a new incarnation. */
  incarnation: string;
  /** Whose disk it is. */
  member: number;
  last: Position;
};

/*
 * The file has two slots of 4 KiB, written in turn, so that a torn write leaves the mark before it.
 * Slot: crc32(u32, over the rest up to the end of the body) length(u32) sequence(u48) body(JSON)
 */
const slotBytes = 4096;
const headerBytes = 14;

type Slot = { sequence: number; value: Mark };

export class RaftMark {
  readonly #file: OpenFile;
  #sequence: number;
  #value: Mark | null;
  readonly #isNewest: boolean;

  private constructor(file: OpenFile, slots: (Slot | null)[]) {
    const [newest, older] = slots.toSorted((a, b) => (b?.sequence ?? 0) - (a?.sequence ?? 0));
    this.#file = file;
    this.#sequence = newest?.sequence ?? 0;
    this.#value = newest?.value ?? null;
    this.#isNewest = this.#sequence === (older?.sequence ?? 0) + 1;
  }

  /** Opens or makes the file `raft-mark` in `directory`, which is made when it is missing; file and directory then survive power loss. */
  static async open(files: Files, directory: string): Promise<RaftMark> {
    files.makeDirectory(directory);
    const file = files.open(`${directory}/raft-mark`, { create: true });
    try {
      // Each time, not just when we made them: the process that did may have died before its sync.
      await files.syncDirectory(directory);
      await files.syncDirectory(dirname(directory));
      return new RaftMark(file, [readSlot(file, 0), readSlot(file, 1)]);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Both slots are whole and follow each other. Else the newest may be the one that is damaged. */
  get isNewest(): boolean {
    return this.#isNewest;
  }

  /** The newest whole mark; null: none was ever written, or both are damaged. */
  get value(): Mark | null {
    return this.#value;
  }

  /** Returns once the mark is on stable storage. */
  async write(value: Mark): Promise<void> {
    const sequence = this.#sequence + 1;
    this.#file.write([slotFor(sequence, value)], (sequence % 2) * slotBytes);
    await this.#file.sync();
    this.#sequence = sequence;
    this.#value = value;
  }

  close(): void {
    this.#file.close();
  }
}

function slotFor(sequence: number, value: Mark): Buffer {
  const body = Buffer.from(toJson(value));
  assert(headerBytes + body.length <= slotBytes, "a mark fits into its slot");
  const slot = Buffer.alloc(slotBytes);
  slot.writeUInt32BE(body.length, 4);
  slot.writeUIntBE(sequence, 8, 6);
  body.copy(slot, headerBytes);
  slot.writeUInt32BE(crc32(slot.subarray(4, headerBytes + body.length)));
  return slot;
}

function readSlot(file: OpenFile, number: number): Slot | null {
  const slot = Buffer.alloc(slotBytes);
  if (file.read(slot, number * slotBytes) < headerBytes) return null;
  const end = headerBytes + slot.readUInt32BE(4);
  if (end > slotBytes || slot.readUInt32BE() !== crc32(slot.subarray(4, end))) return null;
  const value = fromJson(slot.subarray(headerBytes, end).toString()) as Mark;
  return { sequence: slot.readUIntBE(8, 6), value };
}
