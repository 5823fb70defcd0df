import { murmur2 } from "@odradek/protocol";

/** Entries are kept in blocks, so that growing copies nothing. A key larger than a block gets one of its own. */
const BLOCK_BYTES = 1024 * 1024;
/** Parts that grow one by one: none of them is ever large enough to hold up the loop while its places are dealt out anew. */
const PARTS = 256;
/** float64 offset · uint32 key length · key */
const ENTRY_HEADER_BYTES = 12;
/** A place of the table, and its share of empty ones. */
const PLACE_BYTES = 8;
/** Keys with one hash are looked through in a row: whoever makes such keys fills the map for everybody. */
const PROBES_MAX = 2048;

/**
 * The newest offset of each key. Keys are kept whole, so two of them are never taken for one. When `isFull`, whoever fills it stops soon:
 * what is over goes to the next
 * pass. It takes at least one batch, whatever it may hold.
 */
export class OffsetMap {
  readonly #bytesMax: number;
  readonly #blocks: Buffer[] = [];
  readonly #parts = Array.from({ length: PARTS }, () => ({ places: new Float64Array(16), used: 0 }));
  #blockUsed = 0;
  #bytes = PARTS * 16 * PLACE_BYTES;
  #isFull = false;
  #count = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get isFull(): boolean {
    return this.#isFull || (this.#count > 0 && this.#bytes >= this.#bytesMax);
  }

  /** Keys in it. */
  get count(): number {
    return this.#count;
  }

  /** Remembers that the key's newest record stands at `offset`; offsets come in order. */
  put(key: Buffer, offset: number): void {
    const hash = hashOf(key);
    const part = this.#parts[hash & (PARTS - 1)]!;
    const place = this.#placeOf(part.places, key, hash);
    const known = part.places[place]!;
    if (known !== 0) {
      this.#blockOf(known).writeDoubleLE(offset, atOf(known));
      return;
    }
    part.places[place] = this.#store(key, offset);
    this.#count++;
    if (++part.used * 2 > part.places.length) this.#grow(part);
  }

  /** -1: the key is not in it. */
  get(key: Buffer): number {
    const hash = hashOf(key);
    const { places } = this.#parts[hash & (PARTS - 1)]!;
    const known = places[this.#placeOf(places, key, hash)]!;
    return known === 0 ? -1 : this.#blockOf(known).readDoubleLE(atOf(known));
  }

  /** Where the key is, or the free place where it belongs. */
  #placeOf(places: Float64Array, key: Buffer, hash: number): number {
    const mask = places.length - 1;
    let place = (hash >>> 8) & mask;
    for (let probes = 0; places[place] !== 0; probes++) {
      if (this.#holds(places[place]!, key)) return place;
      if (probes === PROBES_MAX) this.#isFull = true;
      place = (place + 1) & mask;
    }
    return place;
  }

  #holds(entry: number, key: Buffer): boolean {
    const block = this.#blockOf(entry);
    const at = atOf(entry) + 8;
    if (block.readUInt32LE(at) !== key.length) return false;
    return block.compare(key, 0, key.length, at + 4, at + 4 + key.length) === 0;
  }

  /** Entries are numbered from 1: the block in the upper part, the place in it in the lower. */
  #store(key: Buffer, offset: number): number {
    const bytes = ENTRY_HEADER_BYTES + key.length;
    const last = this.#blocks.at(-1);
    if (last === undefined || this.#blockUsed + bytes > last.length) {
      const size = Math.max(BLOCK_BYTES, bytes);
      this.#blocks.push(Buffer.allocUnsafeSlow(size));
      this.#blockUsed = 0;
    }
    const block = this.#blocks.at(-1)!;
    const at = this.#blockUsed;
    block.writeDoubleLE(offset, at);
    block.writeUInt32LE(key.length, at + 8);
    key.copy(block, at + ENTRY_HEADER_BYTES);
    this.#blockUsed += bytes;
    this.#bytes += bytes;
    return this.#blocks.length * BLOCK_BYTES + at;
  }

  #grow(part: { places: Float64Array; used: number }): void {
    const old = part.places;
    part.places = new Float64Array(old.length * 2);
    this.#bytes += old.length * PLACE_BYTES;
    for (const entry of old) {
      if (entry === 0) continue;
      const block = this.#blockOf(entry);
      const at = atOf(entry) + 8;
      const key = block.subarray(at + 4, at + 4 + block.readUInt32LE(at));
      part.places[this.#placeOf(part.places, key, hashOf(key))] = entry;
    }
  }

  #blockOf(entry: number): Buffer {
    return this.#blocks[Math.floor(entry / BLOCK_BYTES) - 1]!;
  }
}

/** Only the first entry of a block that is larger than others stands in it: at 0. */
const atOf = (entry: number): number => entry % BLOCK_BYTES;

/** Keys of one partition share what decides the partition: every bit of the hash is mixed into every other. */
function hashOf(key: Buffer): number {
  let hash = murmur2(key);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return hash ^ (hash >>> 16);
}
