import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readlinkSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DESCRIPTORS_RESERVED, descriptorShares } from "./descriptors.ts";
import type { Files, OpenFile } from "./files.ts";
import { NodeFiles } from "./node-files.ts";
import { MemoryFiles } from "./testing/memory-files.ts";

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "odradek-open-files-"))));
afterEach(() => rmSync(directory, { recursive: true }));

/** Names of the files below `directory` that this process has descriptors of. */
function held(): string[] {
  const links = readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // the descriptor of the listing itself
    }
  });
  return links.filter((link) => link.startsWith(directory)).map((link) => link.slice(directory.length + 1));
}

describe.runIf(process.platform === "linux")("L-25: descriptors of open files", () => {
  const openAll = (files: Files, count: number): OpenFile[] =>
    Array.from({ length: count }, (_, index) => files.open(join(directory, `${index}`), { create: true }));

  test("are bounded, and the files that were used last have them", () => {
    const files = openAll(new NodeFiles({ descriptorsMax: 4 }), 50);
    expect(held()).toHaveLength(4);
    for (const index of [7, 30, 7, 12, 7, 9, 7, 11, 7, 10]) files[index]!.write([Buffer.from("x")], 0);
    expect(held()).toHaveLength(4);
    expect(held()).toContain("7");
    for (const file of files) file.close();
    expect(held()).toEqual([]);
  });

  test("stay with files whose name goes, and go when those are closed", async () => {
    const files = new NodeFiles({ descriptorsMax: 2 });
    const open = openAll(files, 6);
    for (const index of [0, 1, 2, 3]) await files.remove(join(directory, `${index}`));
    for (const file of open) file.write([Buffer.from("x")], 0);
    expect(held().filter((name) => name.endsWith("(deleted)"))).toHaveLength(4);
    for (const file of open) file.close();
    expect(held()).toEqual([]);
  });

  test("outlive the calls of the thread pool, also when the file is closed meanwhile", async () => {
    const open = openAll(new NodeFiles({ descriptorsMax: 1 }), 20);
    const letters = "abcdefghijklmnopqrst";
    for (const [at, file] of open.entries()) file.write([Buffer.from(letters[at]!)], 0);
    const into = Buffer.alloc(20);
    const calls = open.flatMap((file, at) => [file.sync(), file.readAsync(into.subarray(at, at + 1), 0)]);
    for (const file of open) file.close();
    await Promise.all(calls);
    expect(into.toString()).toBe(letters);
    expect(held()).toEqual([]);
  });

  test("go to files with unsynced writes last", async () => {
    const files = new NodeFiles({ descriptorsMax: 3 });
    const [unsynced, synced, untouched] = openAll(files, 3);
    unsynced!.write([Buffer.from("x")], 0);
    synced!.write([Buffer.from("x")], 0);
    await synced!.sync();
    untouched!.size();
    files.open(join(directory, "3"), { create: true });
    files.open(join(directory, "4"), { create: true });
    expect(held().toSorted()).toEqual(["0", "3", "4"]);
    unsynced!.close();
  });

  test("are never of another file that somebody else has put in the place", () => {
    const files = new NodeFiles({ descriptorsMax: 1 });
    const [file] = openAll(files, 2);
    writeFileSync(join(directory, "other"), "other");
    renameSync(join(directory, "other"), join(directory, "0"));
    expect(() => file!.write([Buffer.from("x")], 0)).toThrow(/another file/);
    expect(files.readAll(join(directory, "0"))?.toString()).toBe("other");
  });
});

/** Run by a process that may have 64 descriptors: others take all that files leave, and files go on. */
const crowded = `
  import { openSync } from "node:fs";
  import { NodeFiles } from "${new URL("./node-files.ts", import.meta.url).pathname}";
  const takeTheRest = () => {
    try {
      for (;;) openSync("/dev/null");
    } catch (error) {
      if (error.code !== "EMFILE") throw error;
    }
  };
  const at = (name) => process.argv[1] + "/" + name;
  const files = new NodeFiles({ descriptorsMax: 1000 });
  let open = Array.from({ length: 100 }, (_, index) => files.open(at(index), { create: true }));
  takeTheRest();
  for (const file of open) file.write([Buffer.from("x")], 0);
  for (const file of open) await file.sync();
  await files.replace(at("small"), Buffer.from(String(files.list(at("")).length)));
  takeTheRest();
  for (const file of open) file.close();
  takeTheRest();
  open = [7, 8, 9].map((index) => files.open(at(index)));
  for (const file of open) file.write([Buffer.from("y")], 1);
  console.log(String(files.readAll(at("9"))), String(files.readAll(at("small"))));
`;

test.runIf(process.platform === "linux")("L-25: files go on when sockets have all descriptors but theirs", () => {
  const node = [process.execPath, "--input-type=module", "--eval", crowded, directory];
  const { stdout, stderr } = spawnSync("sh", ["-c", 'ulimit -n 64; exec "$@"', "sh", ...node], { encoding: "utf8" });
  expect(stdout, stderr).toBe("xy 100\n");
});

test("descriptors are shared between files and connections, below any limit", () => {
  for (const limit of [256, 1024, 20_000, 1_048_576]) {
    const { files, connections } = descriptorShares(limit);
    expect(files + connections + DESCRIPTORS_RESERVED).toBeLessThanOrEqual(limit);
    expect(Math.min(files, connections)).toBeGreaterThanOrEqual(limit / 4);
  }
  expect(descriptorShares(Infinity).connections).toBe(Infinity);
  expect(descriptorShares(10).files).toBeGreaterThan(0);
});

/** One thing done to files: `slot` names an open file, `from` and `to` names. */
type Operation = { readonly is: (typeof operations)[number]; slot: number; from: string; to: string; at: number };
const operations = [
  ...(["open", "open", "open", "write", "write", "write", "read", "size", "truncate", "sync", "close"] as const),
  ...(["rename", "move directory", "remove", "remove directory", "replace"] as const),
] as const;
const names = ["d/a", "d/b", "e/a", "e/b"];
const anOperation: fc.Arbitrary<Operation> = fc.record({
  is: fc.constantFrom(...operations),
  slot: fc.nat(4),
  from: fc.constantFrom(...names),
  to: fc.constantFrom(...names),
  at: fc.nat(6),
});

/** Does it and says what came of it, the same words for either disk. */
async function outcome(files: Files, root: string, open: Map<number, OpenFile>, one: Operation): Promise<unknown> {
  const file = open.get(one.slot);
  const [from, to] = [`${root}/${one.from}`, `${root}/${one.to}`];
  const directories = [`${root}/${one.from[0]}`, `${root}/${one.to[0]}`] as const;
  const bytes = Buffer.from(`${one.at}${one.to}`);
  if (one.is === "open") {
    file?.close();
    open.delete(one.slot);
    open.set(one.slot, files.open(from, { create: one.at < 4 }));
  }
  if (one.is === "rename" && one.from !== one.to) files.rename(from, to);
  if (one.is === "remove") await files.remove(from);
  if (one.is === "replace") await files.replace(from, bytes);
  if (one.is === "remove directory") await files.removeDirectory(directories[0]);
  if (one.is === "move directory" && !files.exists(directories[1])) files.rename(...directories);
  if (one.is === "close") file?.close();
  if (one.is === "write") file?.write([bytes], one.at);
  if (one.is === "truncate") file?.truncate(one.at);
  if (one.is === "sync") await file?.sync();
  if (one.is === "size") return file?.size();
  if (one.is !== "read" || file === undefined) return null;
  const into = Buffer.alloc(20);
  return into.toString("latin1", 0, file.read(into, one.at));
}

test("L-25: whatever is done to names and files, two descriptors are as good as any number", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anOperation, { minLength: 10, maxLength: 60 }), async (steps) => {
      const root = mkdtempSync(join(directory, "run-"));
      const disks = [
        { files: new NodeFiles({ descriptorsMax: 2 }), root, open: new Map<number, OpenFile>() },
        { files: new MemoryFiles(), root: "/m", open: new Map<number, OpenFile>() },
      ];
      for (const { files, root: at } of disks) for (const name of ["d", "e"]) files.makeDirectory(`${at}/${name}`);
      try {
        for (const step of steps) {
          const said = [];
          for (const { files, root: at, open } of disks)
            said.push(await outcome(files, at, open, step).catch(() => "refused"));
          expect(said[0], JSON.stringify(step)).toEqual(said[1]);
        }
        const left = disks.map(({ files, root: at }) =>
          names.map((name) => files.readAll(`${at}/${name}`)?.toString("latin1")),
        );
        expect(left[0]).toEqual(left[1]);
      } finally {
        for (const file of disks[0]!.open.values()) file.close();
      }
    }),
    { numRuns: 100 },
  );
});
