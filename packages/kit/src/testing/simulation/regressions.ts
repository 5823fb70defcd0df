import { readFileSync } from "node:fs";

export type Regression = { seed: number; only: ReadonlySet<number> | null; what: string };

/** Seeds that found a bug once, one a line: `SEED [FAULT,FAULT…] what it was`; `#` begins a comment. */
export function readRegressions(file: URL): Regression[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [, seed, only, what] = /^(\d+)(?: (\d+(?:,\d+)*))? (.+)$/.exec(line)!;
      return {
        seed: Number(seed),
        only: only === undefined ? null : new Set(only.split(",").map(Number)),
        what: what!,
      };
    });
}
