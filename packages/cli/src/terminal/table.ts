/** Aligned columns without borders, as kubectl prints them: easy to read, to grep and to copy. */
export function table(headers: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = headers.length > 0 ? [headers, ...rows] : rows;
  const widths: number[] = [];
  for (const line of lines) line.forEach((cell, at) => (widths[at] = Math.max(widths[at] ?? 0, cell.length)));
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, at) => cell.padEnd(widths[at] ?? 0))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}
