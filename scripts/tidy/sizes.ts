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
    const sorted = [...lengths].sort((a, b) => a - b);
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return `${name.padEnd(9)} ${sorted.length} files, median ${at(0.5)}, p90 ${at(0.9)}, longest ${at(1)}`;
  });
}
