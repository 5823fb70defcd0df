import type { Files } from "@odradek/kit";
import { fileBut, filesBut } from "@odradek/kit/testing";

/** A disk that says before each operation that changes something which one it is: tests look at, or end, the world in between. */
export type StepFiles = Files & { onChange: (what: string) => void };

export function stepFiles(files: Files): StepFiles {
  const first = <T>(what: string, change: () => T): T => {
    steps.onChange(what);
    return change();
  };
  const changes: Partial<Files> = {
    bootId: null,
    open: (path, options) => {
      if (options?.create === true && !files.exists(path)) steps.onChange(`create ${path}`);
      const file = files.open(path, options);
      return fileBut(file, {
        write: (buffers, position) => first(`write ${path}`, () => file.write(buffers, position)),
        truncate: (size) => first(`truncate ${path}`, () => file.truncate(size)),
        sync: () => first(`sync ${path}`, () => file.sync()),
      });
    },
    makeDirectory: (path) => first(`make ${path}`, () => files.makeDirectory(path)),
    replace: (path, bytes) => first(`replace ${path}`, () => files.replace(path, bytes)),
    rename: (from, to) => first(`rename ${from} ${to}`, () => files.rename(from, to)),
    remove: (path) => first(`remove ${path}`, () => files.remove(path)),
    removeDirectory: (path) => first(`remove ${path}`, () => files.removeDirectory(path)),
    syncDirectory: (path) => first(`sync ${path}`, () => files.syncDirectory(path)),
  };
  const steps: StepFiles = { ...filesBut(files, changes), onChange: () => {} };
  return steps;
}
