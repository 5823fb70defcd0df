import * as fs from "node:fs";
import { FileError, hasCode, lacksDescriptor } from "./file-error.ts";
import { type Place, Places } from "./places.ts";

/** Let go of at once when the process or the machine has no descriptor left: threads of the pool, or other processes, may take some before we do. */
const LET_GO_AT_ONCE = 8;
const TRIES_MAX = 8;

/** Looked at behind one with unsynced writes, for one without. */
const LOOKED_FURTHER_MAX = 32;

/** A file in use. It has a descriptor while it is used, and until somebody else needs one. */
export class Lease {
  readonly place: Place<Lease>;
  descriptor: number | null;
  /** Since it was last passed over. */
  isUsed = true;
  /** Calls in the thread pool. The descriptor must outlive them: the system hands its number to the next open. */
  pending = 0;
  /** No path leads to the file any more, so the descriptor could not be had again. */
  isKept = false;
  isClosed = false;
  /** Changes of the file, and how many of them had been made when a sync began that succeeded. */
  changes = 0;
  synced = 0;
  /** Device and inode, once the descriptor has been given away. */
  identity: string | null = null;

  constructor(place: Place<Lease>, descriptor: number) {
    this.place = place;
    this.descriptor = descriptor;
    place.add(this);
  }
}

/**
 * Files that are open for their users, on a bounded number of descriptors (RELIABILITY L-25). One that was not used for long gives its descriptor
 * away and gets another one when it is used again, wherever renames have brought it. Nobody notices: a file whose last name goes keeps its descriptor.
 */
export class OpenFiles {
  readonly #descriptorsMax: number;
  readonly #places = new Places<Lease>();
  /** Those that can be asked for their descriptor, the longest unasked first. */
  readonly #held = new Set<Lease>();
  /** Descriptors of files, also of those that can't give theirs away. */
  #descriptors = 0;
  /** A descriptor of nothing, to be given up when sockets have taken all others: whoever has a file can always go on with it. */
  #spare: number | null = null;

  constructor(options: { descriptorsMax: number }) {
    this.#descriptorsMax = Math.max(1, options.descriptorsMax);
  }

  open(path: string, flags: number): Lease {
    const descriptor = this.#openDescriptor(path, flags);
    const lease = new Lease(this.#places.at(path), descriptor);
    this.#held.add(lease);
    return lease;
  }

  /** The file's descriptor, until the next call of the pool. */
  descriptorOf(lease: Lease): number {
    if (lease.isClosed) throw new Error("the file is closed");
    lease.isUsed = true;
    return lease.descriptor ?? this.#openAgain(lease);
  }

  close(lease: Lease): void {
    if (lease.isClosed) return;
    lease.isClosed = true;
    lease.place.delete(lease);
    this.#held.delete(lease);
    if (lease.pending === 0) this.#give(lease);
  }

  /** The same for a call in the thread pool: it stays until `ended`. */
  begin(lease: Lease): number {
    const descriptor = this.descriptorOf(lease);
    lease.pending++;
    return descriptor;
  }

  ended(lease: Lease): void {
    lease.pending--;
    if (lease.isClosed && lease.pending === 0) this.#give(lease);
  }

  /** What was open at `from` or below it has been renamed. */
  moved(from: string, to: string): void {
    this.#places.move(from, to);
  }

  /** Names at the path and below it go, or have gone: what is open there keeps its descriptor. */
  keep(path: string): void {
    for (const lease of this.#places.take(path)) {
      try {
        this.descriptorOf(lease);
      } catch (error) {
        if (!hasCode(error, "ENOENT")) throw error; // somebody else was faster
      }
      lease.isKept = true;
      this.#held.delete(lease);
    }
  }

  /** Runs what needs a descriptor; when there is none, files give some away and it runs again. */
  withDescriptor<Result>(run: () => Result): Result {
    for (let tries = 1; ; tries++)
      try {
        return run();
      } catch (error) {
        if (!lacksDescriptor(error) || tries === TRIES_MAX) throw error;
        if (!this.#letGo(LET_GO_AT_ONCE) && !this.#giveUpSpare()) throw error;
      }
  }

  #openAgain(lease: Lease): number {
    const { path } = lease.place;
    if (lease.isKept) throw new FileError("open again", path, new Error("it was removed"));
    const descriptor = this.#openDescriptor(path, fs.constants.O_RDWR);
    lease.descriptor = descriptor;
    this.#held.add(lease);
    if (identityOf(descriptor) === lease.identity) return descriptor;
    this.#held.delete(lease);
    this.#give(lease);
    throw new FileError("open again", path, new Error("it is another file than before"));
  }

  #openDescriptor(path: string, flags: number): number {
    if (this.#descriptors >= this.#descriptorsMax) this.#letGo(this.#descriptors + 1 - this.#descriptorsMax);
    const descriptor = this.withDescriptor(() => fs.openSync(path, flags, 0o644));
    this.#descriptors++;
    this.#spare ??= openSpare();
    return descriptor;
  }

  #giveUpSpare(): boolean {
    if (this.#spare === null) return false;
    fs.closeSync(this.#spare);
    this.#spare = null;
    return true;
  }

  /** Takes up to `count` descriptors from files that can do without; false: none can. */
  #letGo(count: number): boolean {
    for (let taken = 0; taken < count; taken++) {
      const lease = this.#idlest();
      if (lease === null) return taken > 0;
      lease.identity ??= identityOf(lease.descriptor!);
      this.#held.delete(lease);
      this.#give(lease);
    }
    return true;
  }

  /**
   * One that was not used since it was last passed over. What an unsynced file's writes meet on the way to the disk is told to whoever has it open
   * (docs/durability.md), so one without such writes goes first, where it does not take long to find.
   */
  #idlest(): Lease | null {
    let looks = 2 * this.#held.size;
    let unsynced: Lease | null = null;
    for (const lease of this.#held) {
      if (looks-- === 0) break;
      if (lease.isUsed || lease.pending > 0) {
        lease.isUsed = false;
        this.#held.delete(lease);
        this.#held.add(lease);
      } else if (lease.changes === lease.synced) return lease;
      else if (unsynced === null) {
        unsynced = lease;
        looks = Math.min(looks, LOOKED_FURTHER_MAX);
      }
    }
    return unsynced;
  }

  #give(lease: Lease): void {
    if (lease.descriptor === null) return;
    const { descriptor } = lease;
    lease.descriptor = null;
    this.#descriptors--;
    fs.closeSync(descriptor);
  }
}

function openSpare(): number | null {
  try {
    return fs.openSync("/dev/null", "r");
  } catch {
    return null; // none is left: the next open tries again
  }
}

function identityOf(descriptor: number): string {
  const { dev, ino } = fs.fstatSync(descriptor, { bigint: true });
  return `${dev}:${ino}`;
}
