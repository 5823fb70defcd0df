#!/usr/bin/env node
// Plain JavaScript, for whatever Node is on the machine: brings the right one when needed and hands over to the CLI.
import * as module from "node:module";
import { fail, handOver, prepare } from "./scripts/bootstrap/hand-over.js";
import { compileCache } from "./scripts/bootstrap/toolchain.js";

const node = await prepare().catch(fail);
if (node === process.execPath) {
  process.env.NODE_COMPILE_CACHE ??= compileCache;
  module.enableCompileCache(compileCache);
  await import("./packages/cli/src/main.ts");
} else handOver(node, ["packages/cli/src/main.ts", ...process.argv.slice(2)], { lifeline: true });
