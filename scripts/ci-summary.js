// node scripts/ci-summary.js RESULTS.json LOG EXIT-CODE
// Plain JavaScript for the machine's own Node: it must also be able to tell that the toolchain did not come up.
// Prints which tests were skipped, vitest's own summary once more, and as the last line "N passed, N failed".
import { existsSync, readFileSync } from "node:fs";

const [resultsFile, logFile, exitCode] = process.argv.slice(2);
const results = existsSync(resultsFile) ? JSON.parse(readFileSync(resultsFile, "utf8")) : null;
const tests = (results?.testResults ?? []).flatMap((file) => file.assertionResults);
const count = (...statuses) => tests.filter(({ status }) => statuses.includes(status)).length;

for (const test of tests.filter(({ status }) => ["skipped", "pending", "todo"].includes(status)))
  console.log(`skipped: ${test.fullName.trim()} (its condition does not hold on this machine)`);

const log = readFileSync(logFile, "utf8").split("\n");
const summary = log.findLastIndex((line) => line.trim().startsWith("Test Files "));
const checks = log.findLast((line) => line.startsWith("check: "));
if (checks) console.log(checks);
if (summary >= 0) console.log(log.slice(summary, summary + 4).join("\n"));

// A file that could not be loaded has no tests to fail, and a failed check or a timeout no test at all: each counts.
const broken = (results?.testResults ?? []).filter(
  (file) => file.status === "failed" && file.assertionResults.length === 0,
);
let failed = count("failed") + broken.length;
if (Number(exitCode) !== 0 && failed === 0) failed = 1;
console.log(`${count("passed")} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
