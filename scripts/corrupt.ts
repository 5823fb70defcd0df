import { parseArgs } from "node:util";
import { corruptLogs } from "./corrupt/log.ts";
import { corruptMetadata } from "./corrupt/metadata.ts";

/** node scripts/corrupt.ts log|metadata --runs 10000 --from 1: injures stored files, one seed after the other, and tells what was served afterwards. */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: "string", default: "1000" }, from: { type: "string", default: "1" } },
});
const options = { runs: Number(values.runs), from: Number(values.from) };
const rooms = { log: corruptLogs, metadata: corruptMetadata };
const room = rooms[positionals[0] as keyof typeof rooms];
if (room === undefined)
  throw new Error(`usage: node scripts/corrupt.ts ${Object.keys(rooms).join("|")} --runs N --from S`);
process.exitCode = (await room(options)) ? 0 : 1;
