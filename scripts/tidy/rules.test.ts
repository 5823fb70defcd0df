import { expect, it } from "vitest";
import { judge } from "./rules.ts";
import { sizes } from "./sizes.ts";
import { sourceFile } from "./source.ts";

const found = (path: string, text: string): string[] =>
  judge(sourceFile(path, text)).map(({ line, problem }) => `${line}: ${problem}`);

it("lets a record walk down the corridor", () => {
  expect(found("packages/broker/src/api/produce.ts", 'import { x } from "../replica/replicas.ts";\n')).toEqual([]);
});

it("finds an import that goes back up, also of a type and over several lines", () => {
  const text = '// why\nimport type {\n  Handler,\n} from "../api/handler.ts";\n';
  expect(found("packages/broker/src/log/log.ts", text)).toEqual(["4: log imports api, which lies above it"]);
});

it("finds a room that has no place", () => {
  expect(found("packages/broker/src/attic/x.ts", 'import { y } from "../log/log.ts";')).toEqual([
    "1: room attic has no place in broker",
  ]);
});

it("finds a package that knows too much", () => {
  expect(found("packages/client/src/cluster/x.ts", 'import { y } from "@odradek/broker/main";')).toEqual([
    "1: client may not import @odradek/broker/main",
  ]);
  expect(found("packages/broker/src/cluster/x.ts", 'import { y } from "@odradek/metadata/node";')).toEqual([
    "1: broker may not import @odradek/metadata/node",
  ]);
  expect(found("packages/kit/src/x.ts", 'const { y } = await import("pino");')).toEqual(["1: kit may not import pino"]);
});

it("finds a file that reaches into another package by its path", () => {
  expect(found("packages/rpc/src/x.ts", 'import { y } from "../../kit/src/clock.ts";')).toEqual([
    "1: reaches out of its package to packages/kit/src/clock.ts",
  ]);
});

it("finds product code that leans on what is for tests, and lets tests do so", () => {
  const text = 'import { y } from "../testing/fake.ts";';
  expect(found("packages/broker/src/log/x.ts", text)).toEqual(["1: uses ../testing/fake.ts, which is for tests"]);
  expect(found("packages/broker/src/log/x.test.ts", text)).toEqual([]);
});

it("finds an index file inside a package", () => {
  expect(found("packages/broker/src/log/index.ts", "")).toEqual(["1: is an index file inside a package"]);
  expect(found("packages/client/src/index.ts", "")).toEqual([]);
});

it.for([
  ["const now = Date.now();", "Date.now outside a port"],
  ["const now = performance.now();", "performance.now outside a port"],
  ["setTimeout(run, 5);", "setTimeout outside a port"],
  ["const chance = Math.random();", "Math.random outside a port"],
  ['import { open } from "node:fs/promises";', "node:fs/promises outside a port"],
  ['import { connect } from "node:net";', "node:net outside a port"],
  ["process.exit(1);", "process.exit outside a port"],
])("finds the outside world in %s", ([text, problem]) => {
  expect(found("packages/metadata/src/raft/core.ts", text!)).toEqual([`1: ${problem}`]);
  expect(found("packages/cli/src/terminal/x.ts", text!)).toEqual([]);
});

it("lets types of the outside world pass: they do nothing", () => {
  expect(found("packages/metadata/src/raft/core.ts", 'import type { Socket } from "node:net";')).toEqual([]);
});

it("opens a door for one module only", () => {
  const builtin = 'const { createServer } = process.getBuiltinModule("node:http");';
  expect(found("packages/broker/src/server/http.ts", builtin)).toEqual([]);
  expect(found("packages/broker/src/server/listener.ts", builtin)).toEqual(["1: node:http outside a port"]);
  expect(found("packages/broker/src/server/http.ts", 'import { createServer } from "node:net";')).toEqual([
    "1: node:net outside a port",
  ]);
});

it("reads code, not comments, and does not take // in a string for one", () => {
  expect(found("packages/kit/src/x.ts", "/* Date.now() */ // Math.random()\n")).toEqual([]);
  expect(found("packages/kit/src/x.ts", 'const url = "http://x"; const at = Date.now();')).toEqual([
    "1: Date.now outside a port",
  ]);
});

it("finds a file of 401 lines and lets one of 400 pass", () => {
  expect(found("packages/kit/src/x.ts", "x;\n".repeat(401))).toEqual(["401: 401 lines, more than 400"]);
  expect(found("packages/kit/src/x.ts", "x;\n".repeat(400))).toEqual([]);
});

it("finds leftovers and tests that do not run", () => {
  expect(found("packages/kit/src/x.ts", "// TODO later")).toEqual(["1: a TODO that nobody will come back to"]);
  expect(found("packages/kit/src/x.test.ts", "\nit.only(() => {});")).toEqual(["2: it.only keeps tests from running"]);
  expect(found("packages/kit/src/x.test.ts", "describe.skip(() => {});")).toEqual([
    "1: describe.skip keeps tests from running",
  ]);
  expect(found("packages/kit/src/x.test.ts", "it.skipIf(!kcat)(() => {});")).toEqual([]);
});

it("finds paths of one machine and hosts of a registry", () => {
  expect(found("docs/x.md", "see /home/ann/notes")).toEqual(["1: the path /home/ann/notes of one machine"]);
  expect(found("README.md", "npm --registry https://registry.example.org/npm")).toEqual([
    "1: the registry host https://registry.example.org",
  ]);
  expect(found("pnpm-lock.yaml", "x: https://any.host/x.tgz")).toEqual(["1: the registry host https://any.host/x.tgz"]);
});

it("reports medians without tests", () => {
  const files = [1, 2, 30].map((lines, at) => sourceFile(`packages/kit/src/${at}.ts`, "x\n".repeat(lines)));
  const tests = sourceFile("packages/kit/src/a.test.ts", "x\n".repeat(900));
  expect(sizes([...files, tests])[0]).toBe("kit       3 files, median 2, p90 30, longest 30");
});

it("finds a command that needs a newer Node than the reader may have", () => {
  expect(found("docs/speed.md", "try\n`node scripts/speed.ts`\n")).toEqual([
    "2: `node scripts/speed.ts` runs with no Node but the newest",
  ]);
  expect(found("docs/speed.md", "`node scripts/bootstrap/run.js scripts/speed.ts`, `npm run speed`\n")).toEqual([]);
});
