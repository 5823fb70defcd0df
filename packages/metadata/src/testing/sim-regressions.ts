import { readFileSync } from "node:fs";

export type Regression = { seed: number; only: ReadonlySet<number> | null; what: string };

/** The seeds of sim-regressions.txt. */
export function regressions(): Regression[] {
  const text = readFileSync(new URL("sim-regressions.txt", import.meta.url), "utf8");
  return text
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
