import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { temporaryDirectory } from "../../packages/metadata/src/testing/corrupt/real-disk.ts";
import { type Outcome, outcomes, type Run } from "../../packages/metadata/src/testing/corrupt/rejoin.ts";

type Row = Record<Outcome, number>;
const noRuns = (): Row => ({ harmless: 0, outdated: 0, detected: 0, silent: 0 });

/** Injures one member's disk once per seed, lets it rejoin the others, and prints injuries and outcomes as a table. Returns whether none was silent. */
export async function corruptMetadata({ runs, from }: { runs: number; from: number }): Promise<boolean> {
  const table = new Map<string, Row>();
  const all = noRuns();
  let aborts = 0;
  const note = ({ seed, injury, did, outcome, why }: Run): void => {
    const row = table.get(injury) ?? noRuns();
    table.set(injury, row);
    row[outcome]++;
    all[outcome]++;
    if (outcome === "silent" || runs === 1) console.log(`CORRUPT=metadata SEED=${seed} ${outcome}: ${did} ${why}`);
    if ((seed - from + 1) % 1000 === 0) console.error(`${seed - from + 1} of ${runs}`);
  };
  const until = from + runs;
  for (let next = from; next < until;) {
    const died = await runSeeds([next, until], note);
    if (died === null) break;
    aborts++;
    next = died + 1;
    if ((await runSeeds([died, next, "aborted"], note)) !== null)
      throw new Error(`CORRUPT=metadata SEED=${died} aborts for ever`);
  }
  console.log(`| injury | runs | ${outcomes.join(" | ")} |`);
  console.log(`|---|--:|${outcomes.map(() => "--:").join("|")}|`);
  for (const [injury, row] of [...table, ["all", all] as const]) print(injury, row);
  console.log(`LevelDB ended the process ${aborts} times; these disks were set aside at the third start.`);
  return all.silent === 0;
}

/** Returns the seed at which the process died; null: it got through. */
async function runSeeds(seeds: (number | string)[], note: (run: Run) => void): Promise<number | null> {
  const root = temporaryDirectory();
  const script = fileURLToPath(new URL("metadata-runs.ts", import.meta.url));
  const child = spawn(process.execPath, [script, root, ...seeds.map(String)], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = new Promise<{ code: number | null }>((resolve) => child.once("exit", (code) => resolve({ code })));
  let begun: number | null = null;
  for await (const said of createInterface({ input: child.stdout })) {
    if (said.startsWith("begin ")) begun = Number(said.slice(6));
    else {
      note(JSON.parse(said) as Run);
      begun = null;
    }
  }
  const { code } = await exited;
  rmSync(root, { recursive: true, force: true });
  if (code !== 0 && begun === null) throw new Error(`the runs ended with code ${code} between two seeds`);
  return code === 0 ? null : begun;
}

function print(name: string, row: Row): void {
  const counts = outcomes.map((outcome) => row[outcome]);
  console.log(`| ${[name, counts.reduce((sum, count) => sum + count, 0), ...counts].join(" | ")} |`);
}
