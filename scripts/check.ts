// What must hold before any test is worth running: types, lint, format, tidy. Runs all four and names those that fail.
import { bin, runStep } from "./run-step.ts";

const steps: [string, string, string[]][] = [
  ["types", bin("tsc"), ["-p", "tsconfig.json"]],
  ["lint", bin("oxlint"), ["--quiet"]],
  ["format", bin("oxfmt"), ["--check"]],
  ["tidy", process.execPath, ["scripts/tidy.ts"]],
];

const failed: string[] = [];
for (const [name, command, args] of steps) {
  if ((await runStep(command, args)) !== 0) failed.push(name);
}
console.log(failed.length === 0 ? "check: all good" : `check: ${failed.join(", ")} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;
