import { quantile } from "@odradek/kit";
import { lineOf, isForTests, isTypeScript, type SourceFile } from "./source.ts";

/** Files and their lengths per package, tests left out: `90 files, median 77, p90 180, longest 399`. */
export function sizes(files: readonly SourceFile[]): string[] {
  const byPackage = new Map<string, number[]>();
  for (const file of files) {
    const name = /^packages\/([^/]+)\/src\//.exec(file.path)?.[1];
    if (name === undefined || !isTypeScript(file) || isForTests(file)) continue;
    byPackage.set(name, [...(byPackage.get(name) ?? []), lineOf(file.text, file.text.length) - 1]);
  }
  const all = [...byPackage.values()].flat();
  return [...byPackage, ["all", all] as const].map(([name, lengths]) => {
    const sorted = lengths.toSorted((a, b) => a - b);
    const [median, p90, longest] = [0.5, 0.9, 1].map((part) => quantile(sorted, part));
    return `${name.padEnd(9)} ${sorted.length} files, median ${median}, p90 ${p90}, longest ${longest}`;
  });
}
