// `npm test`: the checks, then every test. The runner's summary comes last; a failed check fails the whole all the same.
// With arguments (`npm test -- packages/kit`) only vitest runs, with those arguments.
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { bin, root, runStep } from "./run-step.ts";

const selected = process.argv.slice(2);
const checked = selected.length > 0 ? 0 : await runStep(process.execPath, ["scripts/check.ts"]);

const results = process.env["ODRADEK_TEST_RESULTS"];
if (results !== undefined) mkdirSync(dirname(results), { recursive: true });
const reporters =
  results === undefined ? [] : ["--reporter=default", "--reporter=json", `--outputFile.json=${results}`];
const tested = await runStep(bin("vitest"), ["run", "--root", root, ...reporters, ...selected]);

if (checked !== 0) console.error("npm test fails: the checks before the tests did not pass (look for `check:` above)");
process.exitCode = checked || tested;
