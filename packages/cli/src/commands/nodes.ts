import type { Argv, CommandModule } from "yargs";
import { findNode, signalNode } from "../dev/signals.ts";
import { requireRunning, type NodeRole } from "../dev/state-file.ts";
import { nodeIds, wholeNumber } from "../terminal/numbers.ts";

type Target = { role: NodeRole; id: number; "data-dir": string | undefined };

const roles = ["broker", "metadata"] as const;

function target(yargs: Argv): Argv<Target> {
  return yargs
    .positional("role", { choices: roles, demandOption: true, describe: "which kind of node" })
    .positional("id", { ...wholeNumber("the number of a node", nodeIds), demandOption: true, describe: "which one" })
    .option("data-dir", { type: "string", describe: "data directory of the cluster, if not .odradek here or above" });
}

const done = (role: NodeRole, id: number, what: string): boolean => process.stderr.write(`${role} ${id} ${what}\n`);

export const kill: CommandModule<object, Target & { signal: string }> = {
  command: "kill <role> <id>",
  describe: "end a node of `odradek dev` at once, as kill -9 does",
  builder: (yargs) =>
    target(yargs).option("signal", {
      choices: ["KILL", "TERM"],
      default: "KILL",
      describe: "TERM lets it say goodbye",
    }),
  handler({ role, id, signal, "data-dir": dataDir }) {
    const node = findNode(requireRunning(dataDir), role, id);
    signalNode(node, signal === "TERM" ? "SIGTERM" : "SIGKILL");
    done(role, id, `got SIG${signal} (process ${node.process.pid})`);
  },
};

export const pause: CommandModule<object, Target> = {
  command: "pause <role> <id>",
  describe: "stop a node without ending it (SIGSTOP), as a machine that hangs",
  builder: target,
  handler({ role, id, "data-dir": dataDir }) {
    signalNode(findNode(requireRunning(dataDir), role, id), "SIGSTOP");
    done(role, id, "is paused");
  },
};

export const resume: CommandModule<object, Target> = {
  command: "resume <role> <id>",
  describe: "let a paused node go on (SIGCONT)",
  builder: target,
  handler({ role, id, "data-dir": dataDir }) {
    signalNode(findNode(requireRunning(dataDir), role, id), "SIGCONT");
    done(role, id, "goes on");
  },
};

export const restart: CommandModule<object, Target> = {
  command: "restart <role> <id>",
  describe: "stop a node if it runs, start it, and wait until it serves",
  builder: target,
  async handler({ role, id, "data-dir": dataDir }) {
    const state = requireRunning(dataDir);
    findNode(state, role, id);
    const { askRestart } = await import("../dev/control.ts");
    const started = await askRestart(state, role, id);
    done(role, id, `serves (process ${started.pid})`);
  },
};
