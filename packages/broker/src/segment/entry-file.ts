import { assert, type Files, type OpenFile } from "@odradek/kit";

/** Entries kept in memory until this many bytes are worth a write. Recovery rebuilds what a crash loses. */
const TAIL_BYTES = 4096;

/** How many entries a file of this size holds when it is whole; null when it is not. */
export const entriesIn = (fileBytes: number, entryBytes: number): number | null =>
  fileBytes % entryBytes === 0 ? fileBytes / entryBytes : null;

/**
 * A file of entries of one size, in order. The newest stay in memory until a write is worth it: readers at the end of a log,
 * nearly all of them, find their entry there, and an append costs no system call. The file has no preallocated tail.
 */
export abstract class EntryFile {
  #path: string;
  readonly #files: Files;
  readonly #entryBytes: number;
  #file: OpenFile | null = null;
  /** Known to be in the directory. */
  #isThere: boolean;
  /** Entries in the file. */
  #stored: number;
  /** Made when the first entry comes: most segments are only read. */
  #tail: Buffer | null = null;
  #tailEntries = 0;
  readonly #one: Buffer;

  /** `entries`: how many of the file's entries are to be believed; 0 starts afresh. */
  constructor(files: Files, path: string, options: { entryBytes: number; entries: number }) {
    this.#files = files;
    this.#path = path;
    this.#entryBytes = options.entryBytes;
    this.#stored = options.entries;
    this.#isThere = options.entries > 0;
    this.#one = Buffer.alloc(options.entryBytes);
  }

  get path(): string {
    return this.#path;
  }

  /** The file has been renamed. */
  movedTo(path: string): void {
    this.#path = path;
  }

  get count(): number {
    return this.#stored + this.#tailEntries;
  }

  /** What the entries take, in the file and in memory. */
  get bytes(): number {
    return this.count * this.#entryBytes;
  }

  /** How many entries a file of at most `bytes` may hold. */
  entriesMax(bytes: number): number {
    return Math.floor(bytes / this.#entryBytes);
  }

  /** Makes room for one more entry: in `tail`, at the position returned, to be filled at once. */
  protected add(): number {
    if ((this.#tailEntries + 1) * this.#entryBytes > TAIL_BYTES) this.write();
    this.#tail ??= Buffer.alloc(TAIL_BYTES);
    return this.#tailEntries++ * this.#entryBytes;
  }

  /** Where the newest entries stand. */
  protected get tail(): Buffer {
    assert(this.#tail !== null, "an entry has been added");
    return this.#tail;
  }

  /** The bytes of one entry, to be read at once: the next call may overwrite them. */
  protected entry(index: number): Buffer {
    assert(index >= 0 && index < this.count, "an entry that is there");
    if (index >= this.#stored && this.#tail !== null) return this.#inTail(this.#tail, index - this.#stored);
    const bytes = this.#opened().read(this.#one, index * this.#entryBytes);
    if (bytes < this.#entryBytes) throw new Error(`${this.path} ended inside entry ${index}`);
    return this.#one;
  }

  /** Keeps the first `count` entries. */
  protected truncate(count: number): void {
    assert(count <= this.count, "truncation makes shorter");
    if (count >= this.#stored) {
      this.#tailEntries = count - this.#stored;
      return;
    }
    this.#tailEntries = 0;
    this.#stored = count;
    this.#opened().truncate(count * this.#entryBytes);
  }

  /** Drops all entries, and whatever an earlier process left in the file behind those that are believed. */
  clear(): void {
    this.#tailEntries = 0;
    this.#stored = 0;
    if (this.#files.exists(this.path)) this.#opened().truncate(0);
  }

  /** Brings the file up to date: exactly `count` entries long. */
  write(): void {
    if (this.#tailEntries === 0 || this.#tail === null) return;
    const bytes = this.#tail.subarray(0, this.#tailEntries * this.#entryBytes);
    this.#opened().write([bytes], this.#stored * this.#entryBytes);
    this.#stored += this.#tailEntries;
    this.#tailEntries = 0;
  }

  /** The same, and makes the file when there is none: whoever looks at the directory finds an index beside each log. */
  save(): void {
    if (!this.#isThere) this.#opened();
    this.write();
  }

  /** The same, and removes what stands behind. */
  seal(): void {
    this.write();
    const file = this.#opened();
    if (file.size() !== this.#stored * this.#entryBytes) file.truncate(this.#stored * this.#entryBytes);
    this.#tail = null;
  }

  async sync(): Promise<void> {
    await this.#opened().sync();
  }

  /** Lets go of the descriptor; the next use opens again. */
  close(): void {
    this.#file?.close();
    this.#file = null;
  }

  #inTail(tail: Buffer, index: number): Buffer {
    return tail.subarray(index * this.#entryBytes, (index + 1) * this.#entryBytes);
  }

  #opened(): OpenFile {
    this.#file ??= this.#files.open(this.path, { create: true });
    this.#isThere = true;
    return this.#file;
  }
}
