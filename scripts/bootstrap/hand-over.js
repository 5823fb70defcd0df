import { spawn } from "node:child_process";
import { constants } from "node:os";
import { environment, root, toolchain, presentNode, bringNode, say } from "./toolchain.js";
import { install, isInStep } from "./packages.js";
import { withLock } from "./lock.js";

/** Brings what is missing (Node, pnpm, packages); costs a few file reads when nothing is. Returns the Node to run on. */
export async function prepare() {
  const node = presentNode();
  if (node && isInStep()) return node;
  return withLock(toolchain, say, async () => {
    const brought = presentNode() ?? (await bringNode());
    if (!isInStep()) await install(brought);
    return brought;
  });
}

/**
 * Runs a script of the repository on the right Node in place of this process: same terminal, same signals, same end.
 * With `lifeline` its fourth descriptor, named in ODRADEK_PARENT_FD, is a pipe that closes when this process is gone,
 * however it went.
 *
 * @param {string} node @param {string[]} args script, relative to the root, and its arguments
 * @param {{ lifeline?: boolean }} options
 */
export function handOver(node, args, { lifeline = false } = {}) {
  const [script, ...rest] = args;
  const env = environment(node);
  const child = spawn(node, [`${root}/${script}`, ...rest], {
    stdio: ["inherit", "inherit", "inherit", ...(lifeline ? ["pipe"] : [])],
    env: lifeline ? { ...env, ODRADEK_PARENT_FD: "3" } : env,
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.once("error", (error) => fail(error));
  child.once("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal ?? "SIGKILL"]));
}

/** @param {unknown} error */
export function fail(error) {
  say(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
