import { readFileSync, realpathSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";

export type Machine = { machine: string; disk: string; startedAt: string };

/** What the figures were measured on. */
export function machine(directory: string): Machine {
  const parts = [`${cpus().length} x ${cpus()[0]!.model.trim()}`, `${Math.round(totalmem() / 2 ** 30)} GiB`];
  return {
    machine: [...parts, `Linux ${release()}`, `Node ${process.version}`].join(", "),
    disk: diskOf(realpathSync(directory)),
    startedAt: new Date().toISOString(),
  };
}

/** File system and device of a directory: on one in memory, a flush costs nothing. */
function diskOf(directory: string): string {
  const mounts = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .map(([device = "", at = "", kind = ""]) => ({ device, kind, at: at === "/" ? at : `${at}/` }))
    .filter(({ at }) => `${directory}/`.startsWith(at))
    .toSorted((left, right) => right.at.length - left.at.length);
  return mounts[0] ? `${mounts[0].kind} on ${mounts[0].device}` : "unknown disk";
}
