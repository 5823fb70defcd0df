import { fileURLToPath } from "node:url";
import type { NodeRole } from "./state-file.ts";

/** Where the programs of the nodes are; tests put a tiny one in their place. */
export function nodeScripts(): Record<NodeRole, string> {
  const stand = process.env["ODRADEK_DEV_NODE_SCRIPT"];
  if (stand !== undefined) return { metadata: stand, broker: stand };
  return {
    metadata: fileURLToPath(import.meta.resolve("@odradek/metadata/main")),
    broker: fileURLToPath(import.meta.resolve("@odradek/broker/main")),
  };
}
