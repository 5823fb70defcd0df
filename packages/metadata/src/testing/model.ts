import { isDeepStrictEqual } from "node:util";

import type { Failure, Operation, Outcome } from "../client/types.ts";

export type ModelNode = {
  readonly data: string;
  readonly version: number;
  readonly owner: string | null;
  readonly next: number;
  readonly modified: number;
};

/** The tree as one would first write it down: a map that each multi copies, changes and keeps or throws away. Nodes never change, they are replaced. */
export class Model {
  nodes: ReadonlyMap<string, ModelNode> = new Map([["/", { data: "", version: 1, owner: null, next: 0, modified: 0 }]]);
  revision = 0;

  multi(operations: Operation[], session: string): Outcome {
    const nodes = new Map(this.nodes);
    const results: { path: string; version: number }[] = [];
    for (const [at, operation] of operations.entries()) {
      const result = this.#one(nodes, operation, session);
      if (typeof result === "string") return { is: "failed", at, failure: result, path: operation.path };
      results.push(result);
    }
    if (changedPaths(this.nodes, nodes).length > 0) this.revision++;
    this.nodes = nodes;
    return { is: "done", revision: this.revision, results };
  }

  end(session: string): void {
    const left = [...this.nodes].filter(([, node]) => node.owner !== session);
    if (left.length < this.nodes.size) this.revision++;
    this.nodes = new Map(left);
  }

  children(path: string): string[] {
    return childrenOf(this.nodes, path);
  }

  #one(
    nodes: Map<string, ModelNode>,
    operation: Operation,
    session: string,
  ): { path: string; version: number } | Failure {
    const { path } = operation;
    const node = nodes.get(path);
    const modified = this.revision + 1;
    switch (operation.is) {
      case "create": {
        const parent = nodes.get(parentOf(path));
        if (path === "/") return "NODE_EXISTS";
        if (!parent) return "NO_PARENT";
        if (parent.owner !== null) return "EPHEMERAL_PARENT";
        const full = operation.sequential ? path + String(parent.next).padStart(10, "0") : path;
        if (nodes.has(full)) return "NODE_EXISTS";
        if (operation.sequential) nodes.set(parentOf(path), { ...parent, next: parent.next + 1 });
        const owner = operation.ephemeral ? session : null;
        nodes.set(full, { data: operation.data.toString(), version: 1, owner, next: 0, modified });
        return { path: full, version: 1 };
      }
      case "set": {
        if (!node) return "NO_NODE";
        if (operation.version !== "any" && operation.version !== node.version) return "BAD_VERSION";
        if (operation.ephemeral && childrenOf(nodes, path).length > 0) return "NOT_EMPTY";
        if (operation.ephemeral && path === "/") return "BAD_PATH";
        const owner = operation.ephemeral ? session : node.owner;
        const version = node.version + 1;
        nodes.set(path, { ...node, data: operation.data.toString(), version, modified, owner });
        return { path, version };
      }
      case "delete":
        if (path === "/") return "BAD_PATH";
        if (!node) return "NO_NODE";
        if (operation.version !== "any" && operation.version !== node.version) return "BAD_VERSION";
        if (childrenOf(nodes, path).length > 0 && !operation.recursive) return "NOT_EMPTY";
        for (const each of [...nodes.keys()]) if (each.startsWith(`${path}/`)) nodes.delete(each);
        nodes.delete(path);
        return { path, version: 0 };
      case "check":
        if (!node) return "NO_NODE";
        return node.version === operation.version ? { path, version: node.version } : "BAD_VERSION";
      case "checkAbsent":
        return node ? "NODE_EXISTS" : { path, version: 0 };
    }
  }
}

/** Paths that are there in only one of the two, or with another node. */
export function changedPaths(before: ReadonlyMap<string, ModelNode>, now: ReadonlyMap<string, ModelNode>): string[] {
  const isOther = (path: string): boolean => {
    const [old, node] = [before.get(path), now.get(path)];
    return old !== node && !isDeepStrictEqual(old, node);
  };
  return [...new Set([...before.keys(), ...now.keys()])].filter(isOther);
}

function childrenOf(nodes: ReadonlyMap<string, ModelNode>, path: string): string[] {
  const prefix = path === "/" ? "/" : `${path}/`;
  const below = [...nodes.keys()].filter((each) => each !== "/" && each.startsWith(prefix));
  return below.map((each) => each.slice(prefix.length)).filter((name) => !name.includes("/"));
}

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf("/")) || "/";
