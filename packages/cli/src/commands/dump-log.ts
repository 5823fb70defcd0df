import { dumpFile, type Found, type Row, SegmentGaps } from "@odradek/broker/dump";
import { NodeFiles } from "@odradek/kit";
import type { CommandModule } from "yargs";
import { Failure } from "../terminal/failure.ts";
import { outputOptions, print, printJsonLine, printList, type OutputOptions, tell } from "../terminal/output.ts";

type Arguments = OutputOptions & { files: string[]; deep: boolean };

/** Rows that are put into one table, so that a file of any size needs little memory. */
const TABLE_ROWS = 1000;

export const dumpLog: CommandModule<object, Arguments> = {
  command: "dump-log <files..>",
  describe: "what stands in the files of a data directory; exit code 1 when one is damaged",
  builder: (yargs) =>
    outputOptions(yargs)
      .positional("files", { type: "string", array: true, demandOption: true, describe: "files of any kind" })
      .option("deep", { type: "boolean", default: false, describe: "records instead of batches" }),
  handler: run,
};

async function run(options: Arguments): Promise<void> {
  let damages = 0;
  const gaps = new SegmentGaps();
  for (const path of options.files) damages += await dump(path, gaps, options);
  if (damages > 0) throw new Failure("runtime", `${damages} damaged ${damages === 1 ? "place" : "places"}`);
}

async function dump(path: string, gaps: SegmentGaps, options: Arguments): Promise<number> {
  const files = new NodeFiles();
  if (!files.exists(path)) throw new Failure("notFound", `there is no file ${path}`);
  const found = dumpFile(files, path, options);
  if (found === null) throw new Failure("usage", `${path} has a name that no file of a log has`);
  if (options.output === "table" && options.files.length > 1) await print(`${path}\n`);
  const gap = gaps.before(path);
  if (gap !== null) await showGap(path, gap, options);
  let damages = 0;
  let rows: Row[] = [];
  for await (const one of found) {
    if (one.is === "row") {
      gaps.saw(path, one.row);
      rows.push(one.row);
    } else damages++;
    if (one.is === "row" && rows.length < TABLE_ROWS) continue;
    await show(path, rows, options);
    rows = [];
    if (one.is === "damage") await showDamage(path, one, options);
  }
  await show(path, rows, options);
  return damages;
}

async function show(path: string, rows: readonly Row[], options: Arguments): Promise<void> {
  if (options.output === "json") {
    for (const row of rows) await printJsonLine({ file: path, ...row });
    return;
  }
  const names = Object.keys(rows[0] ?? {});
  if (names.length > 0)
    await printList(
      rows,
      options,
      names.map((name) => [name, (row) => row[name] ?? null]),
    );
}

async function showGap(path: string, gap: { from: number; to: number }, options: Arguments): Promise<void> {
  if (options.output === "json") await printJsonLine({ file: path, gap });
  const offsets = `offsets ${gap.from} to ${gap.to}`;
  tell(`${path}: ${offsets} lie in no file before it: compacted away, or a segment was lost or not named here`);
}

async function showDamage(path: string, found: Found & { is: "damage" }, options: Arguments): Promise<void> {
  const { position, problem } = found;
  if (options.output === "json") await printJsonLine({ file: path, damage: { position, problem } });
  tell(`${path}: damaged at ${position}: ${problem}`);
}
