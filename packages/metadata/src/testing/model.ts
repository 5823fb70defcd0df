import type { Failure, Operation, Outcome } from "../client/types.ts";

export type ModelNode = { data: string; version: number; owner: string | null; next: number; modified: number };

/** The tree as one would first write it down: a map that each multi copies, changes and keeps or throws away. */
export class Model {
  nodes = new Map<string, ModelNode>([["/", { data: "", version: 1, owner: null, next: 0, modified: 0 }]]);
  revision = 0;

  multi(operations: Operation[], session: string): Outcome {
    const before = new Map([...this.nodes].map(([path, node]) => [path, { ...node }]));
    const results: { path: string; version: number }[] = [];
    for (const [at, operation] of operations.entries()) {
      const result = this.#one(operation, session);
      if (typeof result === "string") {
        this.nodes = before;
        return { is: "failed", at, failure: result, path: operation.path };
      }
      results.push(result);
    }
    if (picture(before) !== picture(this.nodes)) this.revision++;
    return { is: "done", revision: this.revision, results };
  }

  end(session: string): void {
    const owned = [...this.nodes].filter(([, node]) => node.owner === session);
    for (const [path] of owned) this.nodes.delete(path);
    if (owned.length > 0) this.revision++;
  }

  children(path: string): string[] {
    const prefix = path === "/" ? "/" : `${path}/`;
    const below = [...this.nodes.keys()].filter((each) => each !== "/" && each.startsWith(prefix));
    return below.map((each) => each.slice(prefix.length)).filter((name) => !name.includes("/"));
  }

  #one(operation: Operation, session: string): { path: string; version: number } | Failure {
    const { path } = operation;
    const node = this.nodes.get(path);
    const modified = this.revision + 1;
    switch (operation.is) {
      case "create": {
        const parent = this.nodes.get(path.slice(0, path.lastIndexOf("/")) || "/");
        if (path === "/") return "NODE_EXISTS";
        if (!parent) return "NO_PARENT";
        if (parent.owner !== null) return "EPHEMERAL_PARENT";
        const full = operation.sequential ? path + String(parent.next).padStart(10, "0") : path;
        if (this.nodes.has(full)) return "NODE_EXISTS";
        if (operation.sequential) parent.next++;
        const owner = operation.ephemeral ? session : null;
        this.nodes.set(full, { data: operation.data.toString(), version: 1, owner, next: 0, modified });
        return { path: full, version: 1 };
      }
      case "set":
        if (!node) return "NO_NODE";
        if (operation.version !== "any" && operation.version !== node.version) return "BAD_VERSION";
        if (operation.ephemeral && this.children(path).length > 0) return "NOT_EMPTY";
        if (operation.ephemeral && path === "/") return "BAD_PATH";
        Object.assign(node, { data: operation.data.toString(), version: node.version + 1, modified });
        if (operation.ephemeral) node.owner = session;
        return { path, version: node.version };
      case "delete":
        if (path === "/") return "BAD_PATH";
        if (!node) return "NO_NODE";
        if (operation.version !== "any" && operation.version !== node.version) return "BAD_VERSION";
        if (this.children(path).length > 0 && !operation.recursive) return "NOT_EMPTY";
        for (const each of [...this.nodes.keys()]) if (each.startsWith(`${path}/`)) this.nodes.delete(each);
        this.nodes.delete(path);
        return { path, version: 0 };
      case "check":
        if (!node) return "NO_NODE";
        return node.version === operation.version ? { path, version: node.version } : "BAD_VERSION";
      case "checkAbsent":
        return node ? "NODE_EXISTS" : { path, version: 0 };
    }
  }
}

function picture(nodes: Map<string, ModelNode>): string {
  return JSON.stringify([...nodes].toSorted(([left], [right]) => (left < right ? -1 : 1)));
}
