/**
 * The port to the disk. Metadata calls that take microseconds are synchronous; whatever can take milliseconds
 * (unlink of a large file, fsync) is not. Every failure is thrown with the path in its message and the system's error as `cause`.
 */
export interface Files {
  /** Changes whenever writes that were not synced may have been lost: the machine's boot. Null when that can't be known. */
  readonly bootId: string | null;
  /** Opens for reading and writing. `create`: make it when it is missing (the directory must exist). */
  open(path: string, options?: { create?: boolean }): OpenFile;
  exists(path: string): boolean;
  /** Names in a directory, sorted; a missing directory is empty. */
  list(path: string): string[];
  /** Makes the directory and its parents. */
  makeDirectory(path: string): void;
  /** The whole file, or null when there is none. Only for small files. */
  readAll(path: string): Buffer | null;
  /** Replaces a small file so that a crash leaves the old or the new one: temporary file, fsync, rename, fsync of the directory. */
  replace(path: string, bytes: Buffer): Promise<void>;
  rename(from: string, to: string): void;
  /** Removes a file; a missing one is no error. */
  remove(path: string): Promise<void>;
  /** Removes a directory with everything in it; a missing one is no error. */
  removeDirectory(path: string): Promise<void>;
  /** Makes creations, renames and removals in this directory survive power loss. */
  syncDirectory(path: string): Promise<void>;
  /** Bytes that can still be written to the file system of this directory. */
  freeBytes(path: string): Promise<number>;
}

export interface OpenFile {
  readonly path: string;
  /** Bytes in the file now. */
  size(): number;
  /**
   * Writes all buffers back to back at `position`, now. Throws when not everything was written: Node reports a
   * short write on a full disk as success (RELIABILITY L-10), this port does not.
   */
  write(buffers: readonly Buffer[], position: number): void;
  /** Fills `into` from `position`; returns the bytes read, less than asked only at the end of the file. */
  read(into: Buffer, position: number): number;
  /** The same off the event loop. */
  readAsync(into: Buffer, position: number): Promise<number>;
  truncate(size: number): void;
  /** Returns once the bytes written before the call are on stable storage (fdatasync). */
  sync(): Promise<void>;
  close(): void;
}
