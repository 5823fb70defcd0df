import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bringPnpm, environment, root, run, say } from "./toolchain.js";

const stampFile = join(root, "node_modules", ".odradek-installed");

/** Is node_modules what the lock file and the manifests ask for? The stamp lies inside it and goes when it goes. */
export function isInStep() {
  return existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp();
}

/** @param {string} node the executable to run pnpm on */
export async function install(node) {
  const pnpm = await bringPnpm();
  say("installing packages");
  const args = [pnpm, "install", "--frozen-lockfile", "--reporter=append-only", "--config.confirmModulesPurge=false"];
  await run(node, args, { cwd: root, env: { ...environment(node), CI: "true" } });
  writeFileSync(stampFile, stamp());
}

function stamp() {
  const packages = readdirSync(join(root, "packages")).sort();
  const manifests = packages.map((name) => join("packages", name, "package.json"));
  const hash = createHash("sha256");
  for (const file of ["pnpm-lock.yaml", "pnpm-workspace.yaml", "package.json", ...manifests]) {
    if (!existsSync(join(root, file))) continue;
    hash.update(`${file}\0`).update(readFileSync(join(root, file)));
  }
  return hash.digest("hex");
}
