import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Files, OpenFile } from "../files.ts";

/** What every implementation of the port `Files` keeps. `make` gives one with an empty directory to work in. */
export function filesContract(
  name: string,
  make: () => { files: Files; directory: string; dispose?: () => void },
): void {
  describe(`files: ${name}`, () => {
    let made: ReturnType<typeof make>;
    let files: Files;
    const at = (file: string): string => `${made.directory}/${file}`;
    beforeEach(() => {
      made = make();
      files = made.files;
    });
    afterEach(() => made.dispose?.());

    test("opening a missing file fails with its path unless it may be created", () => {
      expect(() => files.open(at("a"))).toThrow(at("a"));
      files.open(at("a"), { create: true }).close();
      expect(files.exists(at("a"))).toBe(true);
      expect(() => files.open(at("no/such"), { create: true })).toThrow("no/such");
    });

    test("writes gathered buffers back to back and reads them anywhere", async () => {
      const file = files.open(at("a"), { create: true });
      file.write([Buffer.from("one"), Buffer.alloc(0), Buffer.from("two")], 0);
      file.write([Buffer.from("TW")], 3);
      expect(file.size()).toBe(6);
      const into = Buffer.alloc(4);
      expect(file.read(into, 2)).toBe(4);
      expect(into.toString()).toBe("eTWo");
      expect(await file.readAsync(into, 4)).toBe(2);
      expect(into.subarray(0, 2).toString()).toBe("Wo");
      expect(file.read(into, 99)).toBe(0);
      file.close();
    });

    test("free space is what can still be written, and a directory must be there to tell", async () => {
      const before = await files.freeBytes(made.directory);
      expect(before).toBeGreaterThan(0);
      const file = files.open(at("a"), { create: true });
      file.write([Buffer.alloc(1000)], 0);
      file.close();
      expect(await files.freeBytes(made.directory)).toBeGreaterThan(0);
      await expect(files.freeBytes(at("nowhere"))).rejects.toThrow("nowhere");
    });

    test("a gap before a write is zeros", () => {
      const file = files.open(at("a"), { create: true });
      file.write([Buffer.from("x")], 3);
      expect(files.readAll(at("a"))).toEqual(Buffer.from("\0\0\0x"));
      file.close();
    });

    test("writes more buffers than one system call takes", () => {
      const file = files.open(at("a"), { create: true });
      const buffers = Array.from({ length: 2500 }, (_, index) => Buffer.from(String.fromCharCode(97 + (index % 26))));
      file.write(buffers, 0);
      expect(files.readAll(at("a"))).toEqual(Buffer.concat(buffers));
      file.close();
    });

    test("truncates, and what is cut off does not come back", () => {
      const file = files.open(at("a"), { create: true });
      file.write([Buffer.from("abcdef")], 0);
      file.truncate(2);
      file.truncate(4);
      expect(files.readAll(at("a"))).toEqual(Buffer.from("ab\0\0"));
      file.close();
    });

    test("a closed file refuses, also when a sync was under way", async () => {
      const file = files.open(at("a"), { create: true });
      const syncing = file.sync();
      file.close();
      await syncing;
      expect(() => file.write([Buffer.from("x")], 0)).toThrow(at("a"));
      expect(() => file.size()).toThrow(at("a"));
    });

    test("lists names sorted; a missing directory is empty", () => {
      expect(files.list(at("none"))).toEqual([]);
      for (const name of ["b", "a", "c"]) files.open(at(name), { create: true }).close();
      files.makeDirectory(at("d/e"));
      files.makeDirectory(at("d/e"));
      expect(files.list(made.directory)).toEqual(["a", "b", "c", "d"]);
      expect(files.list(at("d"))).toEqual(["e"]);
    });

    test("replaces a small file whole", async () => {
      expect(files.readAll(at("a"))).toBeNull();
      await files.replace(at("a"), Buffer.from("longer text"));
      await files.replace(at("a"), Buffer.from("new"));
      expect(files.readAll(at("a"))?.toString()).toBe("new");
      expect(files.list(made.directory)).toEqual(["a"]);
    });

    test("renames over an existing file; an open file stays usable", () => {
      const file = files.open(at("a"), { create: true });
      files.open(at("b"), { create: true }).close();
      files.rename(at("a"), at("b"));
      file.write([Buffer.from("x")], 0);
      expect(files.readAll(at("b"))?.toString()).toBe("x");
      expect(files.exists(at("a"))).toBe(false);
      expect(() => files.rename(at("a"), at("c"))).toThrow(at("a"));
      file.close();
    });

    test("an open file stays what it is when another one takes its name", async () => {
      const old = files.open(at("a"), { create: true });
      old.write([Buffer.from("old")], 0);
      const others = ["b", "c"].map((name) => files.open(at(name), { create: true }));
      others[0]!.write([Buffer.from("b")], 0);
      files.rename(at("b"), at("a"));
      await files.replace(at("c"), Buffer.from("new"));
      others[0]!.write([Buffer.from("B")], 1);
      others[1]!.write([Buffer.from("gone")], 0);
      expect(textOf(old)).toBe("old");
      expect(textOf(others[1]!)).toBe("gone");
      expect(files.readAll(at("a"))?.toString()).toBe("bB");
      expect(files.readAll(at("c"))?.toString()).toBe("new");
      for (const file of [old, ...others]) file.close();
    });

    test("many open files keep apart, and follow their directory when it is renamed", async () => {
      files.makeDirectory(at("d"));
      const open = Array.from({ length: 9 }, (_, index) => files.open(at(`d/${index}`), { create: true }));
      for (const round of ["a", "b"])
        for (const [index, file] of open.entries()) file.write([Buffer.from(`${index}${round}`)], file.size());
      files.rename(at("d"), at("e"));
      files.makeDirectory(at("d"));
      for (const [index, file] of open.entries()) file.write([Buffer.from("c")], 4 + (index % 2));
      await Promise.all(open.map((file) => file.sync()));
      expect(open.map(textOf)).toEqual(open.map((_, index) => `${index}a${index}b${index % 2 === 0 ? "" : "\0"}c`));
      expect(files.list(at("d"))).toEqual([]);
      await files.removeDirectory(at("e"));
      expect(textOf(open[8]!)).toBe("8a8bc");
      for (const file of open) file.close();
    });

    test("removes files and directories; missing ones are no error; an open file stays readable", async () => {
      files.makeDirectory(at("d/e"));
      const file = files.open(at("d/e/a"), { create: true });
      file.write([Buffer.from("x")], 0);
      await files.remove(at("d/e/a"));
      await files.remove(at("d/e/a"));
      expect(file.read(Buffer.alloc(1), 0)).toBe(1);
      file.close();
      files.open(at("d/b"), { create: true }).close();
      await files.removeDirectory(at("d"));
      await files.removeDirectory(at("d"));
      expect(files.exists(at("d"))).toBe(false);
    });

    test("moves a directory with its files", async () => {
      files.makeDirectory(at("d"));
      files.open(at("d/a"), { create: true }).close();
      files.rename(at("d"), at("e"));
      await files.syncDirectory(made.directory);
      expect(files.list(at("e"))).toEqual(["a"]);
      expect(files.exists(at("d"))).toBe(false);
    });
  });
}

function textOf(file: OpenFile): string {
  const into = Buffer.alloc(file.size());
  file.read(into, 0);
  return into.toString();
}
