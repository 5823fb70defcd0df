import { once } from "node:events";
import type { Argv } from "yargs";
import { table } from "./table.ts";

export const outputFormats = ["table", "json", "name"] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** One column of a table: its header and how a row fills it. */
export type Column<Row> = readonly [header: string, cell: (row: Row) => string | number | boolean | null];

export type OutputOptions = { output: OutputFormat; headers: boolean };

export function outputOptions<T>(yargs: Argv<T>): Argv<T & OutputOptions> {
  return yargs
    .option("output", {
      alias: "o",
      choices: outputFormats,
      default: "table" as const,
      describe: "shape of the output",
    })
    .option("headers", { type: "boolean", default: true, describe: "first line of a table" });
}

/** Writes data to stdout; waits while the reader is slower than we are. */
export async function print(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, "drain");
}

/** A list: `json` is an array of flat objects with stable keys, `name` one name per line for xargs. */
export async function printList<Row extends object>(
  rows: readonly Row[],
  options: OutputOptions,
  columns: readonly Column<Row>[],
): Promise<void> {
  if (options.output === "json") return printJson(rows);
  const cells = rows.map((row) => columns.map(([, cell]) => String(cell(row) ?? "-")));
  if (options.output === "name") return print(cells.map((line) => `${line[0]}\n`).join(""));
  return print(table(options.headers ? columns.map(([header]) => header) : [], cells));
}

export function printJson(value: unknown): Promise<void> {
  return print(`${JSON.stringify(value, null, process.stdout.isTTY ? 2 : 0)}\n`);
}

/** One line of a stream of objects (NDJSON). */
export function printJsonLine(value: unknown): Promise<void> {
  return print(`${JSON.stringify(value)}\n`);
}

/** What happened, for the person at the terminal; never data. */
export function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

const toldOnce = new Set<string>();

/** The same for what a command may find out several times. */
export function tellOnce(line: string): void {
  if (toldOnce.has(line)) return;
  toldOnce.add(line);
  tell(line);
}
