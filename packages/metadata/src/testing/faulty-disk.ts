import { existsSync, promises, readFileSync } from "node:fs";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { Level } from "level";

/*
 * Loaded into a metadata node before its program (`node --import`): its disk then does what the file DATA-DIR.fault says, for as long as it is
 * there. hang: nothing is synced before the file is gone. fail: every sync fails. There is no such switch in the program itself, and a shim
 * in C would need a compiler.
 */
const pollMs = 10;
const dataDirectory = process.argv[process.argv.indexOf("--data-dir") + 1]!;
const faultFile = `${dataDirectory}.fault`;

const fault = (): string => (existsSync(faultFile) ? readFileSync(faultFile, "utf8").trim() : "");

async function pass(what: string): Promise<void> {
  while (fault() === "hang") await new Promise((resolve) => setTimeout(resolve, pollMs));
  if (fault() === "fail") throw Object.assign(new Error(`EIO: i/o error, ${what}`), { code: "EIO" });
}

type Batch = (operations: unknown, options?: { sync?: boolean }) => Promise<void>;
const levels = Level.prototype as unknown as { batch: Batch };
const { batch } = levels;
levels.batch = async function (this: unknown, operations, options) {
  if (options?.sync === true) await pass("leveldb");
  return batch.call(this, operations, options);
};

const { fdatasync } = fs;
fs.fdatasync = ((descriptor: number, done: (error: Error | null) => void) => {
  pass("fdatasync").then(() => fdatasync(descriptor, done), done);
}) as typeof fs.fdatasync;

const { open } = promises;
promises.open = async (...args: Parameters<typeof open>) => {
  const handle = await open(...args);
  const sync = handle.sync.bind(handle);
  handle.sync = async () => {
    await pass("fsync");
    await sync();
  };
  return handle;
};
syncBuiltinESMExports();
