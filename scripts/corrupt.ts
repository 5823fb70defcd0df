import { corruptLogs } from "./corrupt/log.ts";
import { corruptMetadata } from "./corrupt/metadata.ts";
import { count, oneOf, readOptions } from "./options.ts";

const usage = `usage: node scripts/bootstrap/run.js scripts/corrupt.ts log|metadata [--runs N] [--from S]
  injures stored files, one seed after the other, and tells what was served afterwards
  --runs N   how many seeds (1000)
  --from S   the first of them (1)
`;

const { word, options } = readOptions({
  usage,
  word: oneOf(["log", "metadata"], "log"),
  options: { runs: count(1000), from: count(1) },
});
const rooms = { log: corruptLogs, metadata: corruptMetadata };
process.exitCode = (await rooms[word](options)) ? 0 : 1;
