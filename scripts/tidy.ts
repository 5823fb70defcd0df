// The guard of the house: what the type checker and the linter cannot know. Functions above 70 lines and cycles of
// imports are oxlint's part.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { judge } from "./tidy/rules.ts";
import { sizes } from "./tidy/sizes.ts";
import { sourceFile } from "./tidy/source.ts";

const root = join(import.meta.dirname, "..");
const binary = /\.(?:png|ico|gz|zst|bin|snappy|lz4)$/;

const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root });
const paths = listed
  .toString("utf8")
  .split("\0")
  .filter((path) => path !== "" && !binary.test(path) && !path.includes("/testdata/") && existsSync(join(root, path)));
const files = paths.map((path) => sourceFile(path, readFileSync(join(root, path), "utf8")));
const found = files.flatMap(judge);

for (const { path, line, problem, instead } of found) console.log(`${path}:${line}: ${problem}; ${instead}`);
for (const line of sizes(files)) console.log(line);
console.log(found.length === 0 ? `tidy: ${files.length} files in order` : `tidy: ${found.length} to put in order`);
process.exitCode = found.length === 0 ? 0 : 1;
