import type { Files, OpenFile } from "../files.ts";

/** The disk `files`, but for what `changes` does in its own way. */
export const filesBut = (files: Files, changes: Partial<Files>): Files => ({
  bootId: files.bootId,
  open: (path, options) => files.open(path, options),
  exists: (path) => files.exists(path),
  list: (path) => files.list(path),
  makeDirectory: (path) => files.makeDirectory(path),
  readAll: (path) => files.readAll(path),
  replace: (path, bytes) => files.replace(path, bytes),
  rename: (from, to) => files.rename(from, to),
  remove: (path) => files.remove(path),
  removeDirectory: (path) => files.removeDirectory(path),
  syncDirectory: (path) => files.syncDirectory(path),
  freeBytes: (path) => files.freeBytes(path),
  ...changes,
});

/** The same of one open file. */
export const fileBut = (file: OpenFile, changes: Partial<OpenFile>): OpenFile => ({
  path: file.path,
  size: () => file.size(),
  read: (into, position) => file.read(into, position),
  readAsync: (into, position) => file.readAsync(into, position),
  write: (buffers, position) => file.write(buffers, position),
  truncate: (size) => file.truncate(size),
  sync: () => file.sync(),
  close: () => file.close(),
  ...changes,
});
