import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NodeFiles } from "./node-files.ts";
import { filesContract } from "./testing/files-contract.ts";
import { MemoryFiles } from "./testing/memory-files.ts";

filesContract("node", () => {
  const directory = mkdtempSync(join(tmpdir(), "odradek-files-"));
  return { files: new NodeFiles(), directory, dispose: () => rmSync(directory, { recursive: true }) };
});

filesContract("memory", () => {
  const files = new MemoryFiles();
  files.makeDirectory("/data");
  return { files, directory: "/data" };
});
