import { readFileSync, realpathSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";

/** What the figures were measured on. */
export function machineText(): string {
  const gibibytes = Math.round(totalmem() / 2 ** 30);
  const processors = `${cpus().length} x ${cpus()[0]!.model.trim()}`;
  return [processors, `${gibibytes} GiB`, `Linux ${release()}`, `Node ${process.version}`].join(", ");
}

/** File system and device of a directory: on one in memory, a flush costs nothing. */
export function diskText(directory: string): string {
  const place = `${realpathSync(directory)}/`;
  const mounts = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .map(([device = "", at = "", kind = ""]) => ({ device, kind, at: at === "/" ? at : `${at}/` }))
    .filter(({ at }) => place.startsWith(at))
    .toSorted((left, right) => right.at.length - left.at.length);
  return mounts[0] ? `${mounts[0].kind} on ${mounts[0].device}` : "unknown disk";
}
