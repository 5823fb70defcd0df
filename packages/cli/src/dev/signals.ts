import { Failure } from "../terminal/failure.ts";
import { signal } from "./process-identity.ts";
import type { DevState, NodeRole, NodeState } from "./state-file.ts";

export function findNode(state: DevState, role: NodeRole, id: number): NodeState {
  const node = state.nodes.find((candidate) => candidate.role === role && candidate.id === id);
  if (node) return node;
  const ids = state.nodes.filter((candidate) => candidate.role === role).map((candidate) => candidate.id);
  throw new Failure("notFound", `there is no ${role} ${id}; running here: ${role} ${ids.join(", ")}`);
}

/** Sends a real signal to the real process that `dev` recorded, and to no other that may have its number by now. */
export function signalNode(node: NodeState, name: NodeJS.Signals): void {
  if (signal(node.process, name)) return;
  const again = `start it with: npx odradek restart ${node.role} ${node.id}`;
  throw new Failure("notFound", `${node.role} ${node.id} (process ${node.process.pid}) is not running; ${again}`);
}
