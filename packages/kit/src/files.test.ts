import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "vitest";
import { NodeFiles } from "./node-files.ts";
import { filesContract } from "./testing/files-contract.ts";
import { MemoryFiles } from "./testing/memory-files.ts";

// With one or two descriptors nearly every use of a file has to open it again.
for (const descriptorsMax of [1, 2, 1000])
  filesContract(`node, ${descriptorsMax} descriptors`, () => {
    const directory = mkdtempSync(join(tmpdir(), "odradek-files-"));
    const files = new NodeFiles({ descriptorsMax });
    return { files, directory, dispose: () => rmSync(directory, { recursive: true }) };
  });

// Node's own recursive mkdir never returns here.
test.runIf(process.platform === "linux")(
  "a directory that the system will not make is an error at once",
  ({ expect }) => {
    expect(() => new NodeFiles().makeDirectory("/proc/nope/deeper")).toThrow(/cannot make directory .*ENOENT/);
  },
);

filesContract("memory", () => {
  const files = new MemoryFiles();
  files.makeDirectory("/data");
  return { files, directory: "/data" };
});
