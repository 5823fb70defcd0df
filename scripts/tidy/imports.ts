import { posix } from "node:path";
import { entries, packages, rooms, type PackageRules } from "./house.ts";
import { complaints, isForTests, isTypeScript, type Complaint, type SourceFile } from "./source.ts";

const imports = /(?:(?<!\.)\bfrom|\bimport\s*\(?)\s*"([^"]+)"/g;

/** A file imports its own room and those below it; a package imports what its row of the table names. */
export function checkImports(file: SourceFile): Complaint[] {
  const place = placeOf(file.path);
  if (!place || !isTypeScript(file) || isForTests(file)) return [];
  const rules = packages[place.package];
  if (!rules) return [whole(file, `package ${place.package} is not in the house`, "add it to scripts/tidy/house.ts")];
  return complaints(file, file.code, imports, ([, target]) =>
    target!.startsWith(".") ? judgeRoom(file, place, target!) : judgePackage(place.package, rules, target!),
  );
}

function judgeRoom(file: SourceFile, place: Place, target: string) {
  const path = posix.normalize(posix.join(posix.dirname(file.path), target));
  const other = placeOf(path);
  if (!other) return path === `packages/${place.package}/package.json` ? null : leaves(path);
  if (other.package !== place.package) return leaves(path);
  if (other.room === "testing") {
    return { problem: `uses ${target}, which is for tests`, instead: "move what both need out of testing/" };
  }
  const order = rooms[place.package];
  if (!order) return null;
  const here = rank(order, place);
  const there = rank(order, other);
  const unknown = here < 0 ? place.room : other.room;
  if (here < 0 || there < 0) {
    return {
      problem: `room ${unknown} has no place in ${place.package}`,
      instead: "give it one in scripts/tidy/house.ts",
    };
  }
  if (there >= here) return null;
  return {
    problem: `${place.room} imports ${other.room}, which lies above it`,
    instead: "return a value, or take it as an argument or a port",
  };
}

const leaves = (path: string) => ({
  problem: `reaches out of its package to ${path}`,
  instead: "import the other package by its name",
});

function judgePackage(name: string, rules: PackageRules, target: string) {
  if (target.startsWith("node:")) return null; // judged by ports.ts
  const allowed = rules.imports.some((allow) => target === allow || target.startsWith(`${allow}/`));
  if (allowed) return null;
  return {
    problem: `${name} may not import ${target}`,
    instead: `it may import ${rules.imports.join(", ") || "nothing"} (DESIGN: one-way packages)`,
  };
}

/** Re-exporting files hide where things live; only what a manifest names as an entry is an index. */
export function checkIndexFiles(file: SourceFile): Complaint[] {
  if (!/^packages\/.*\/index\.ts$/.test(file.path) || entries.includes(file.path)) return [];
  return [whole(file, "is an index file inside a package", "import the files themselves")];
}

type Place = { package: string; room: string; file: string };

/** The room of a file is its folder directly under src, or the file itself when it lies there. */
function placeOf(path: string): Place | null {
  const match = /^packages\/([^/]+)\/src\/(([^/]+).*)/.exec(path);
  return match ? { package: match[1]!, file: match[2]!, room: match[3]! } : null;
}

/** How far down a file lies; a file of a room may have a place of its own. */
function rank(order: readonly string[], { room, file }: Place): number {
  const own = order.indexOf(file);
  return own >= 0 ? own : order.indexOf(room);
}

export const whole = (file: SourceFile, problem: string, instead: string): Complaint => ({
  path: file.path,
  line: 1,
  problem,
  instead,
});
