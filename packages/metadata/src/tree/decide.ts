import { assert } from "@odradek/kit";
import { firstOversized } from "../client/size.ts";
import type { Failure, Operation } from "../client/types.ts";
import { limits } from "../limits.ts";
import type { TreeEntry } from "./draft.ts";
import { Draft } from "./draft.ts";
import type { Answer } from "./sessions.ts";
import type { TreeState } from "./state.ts";
import { isPath, Node, parentOf, sequentialPath } from "./znode.ts";

/** `entry` is null when nothing changes: a failed multi, or one of checks only. */
export type Decision = { answer: Answer; entry: TreeEntry | null };

type Done = { path: string; version: number };
type Create = Extract<Operation, { is: "create" }>;
type Change = Extract<Operation, { is: "set" }>;
type Delete = Extract<Operation, { is: "delete" }>;

/**
 * Validates all operations against the state and each other, then says what one revision would change (RELIABILITY C-14).
 * `session` owns the ephemeral nodes; null: there is no session, and nothing may be ephemeral.
 */
export function decide(state: TreeState, operations: Operation[], session: string | null): Decision {
  const oversized = firstOversized(operations);
  if (oversized !== -1) return failed(oversized, "TOO_LARGE", operations[oversized]!.path);
  const draft = new Draft(state);
  const results: Done[] = [];
  for (const [at, operation] of operations.entries()) {
    const done = isPath(operation.path) ? one(draft, operation, session) : "BAD_PATH";
    if (typeof done === "string") return failed(at, done, operation.path);
    results.push(done);
  }
  const entry = draft.entry();
  if (entry && bytesOf(entry.changes.before) > limits.replacedBytesMax)
    return failed(operations.length - 1, "TOO_LARGE", operations.at(-1)!.path);
  return { answer: { is: "done", revision: entry?.revision ?? state.revision, results }, entry };
}

/** Removes the ephemeral nodes of a session that ends; they have no children. */
export function decideEnd(state: TreeState, owned: Iterable<string>): TreeEntry | null {
  const draft = new Draft(state);
  for (const path of [...owned].toSorted()) draft.remove(path);
  return draft.entry();
}

function failed(at: number, failure: Failure, path: string): Decision {
  return { answer: { is: "failed", at, failure, path }, entry: null };
}

function one(draft: Draft, operation: Operation, session: string | null): Done | Failure {
  switch (operation.is) {
    case "create":
      return create(draft, operation, session);
    case "set":
      return set(draft, operation, session);
    case "delete":
      return remove(draft, operation);
    case "check": {
      const node = draft.node(operation.path);
      if (!node) return "NO_NODE";
      return node.version === operation.version ? { path: node.path, version: node.version } : "BAD_VERSION";
    }
    case "checkAbsent":
      return draft.node(operation.path) ? "NODE_EXISTS" : { path: operation.path, version: 0 };
  }
}

function create(draft: Draft, operation: Create, session: string | null): Done | Failure {
  if (operation.path === "/") return "NODE_EXISTS";
  const parent = draft.node(parentOf(operation.path));
  if (!parent) return "NO_PARENT";
  if (parent.owner !== null) return "EPHEMERAL_PARENT";
  if (draft.size >= limits.nodesMax) return "TOO_LARGE";
  const path = operation.sequential ? sequentialPath(operation.path, parent.nextSequence) : operation.path;
  if (!isPath(path)) return "BAD_PATH";
  if (draft.node(path)) return "NODE_EXISTS";
  if (operation.sequential) draft.put(parent.with({ nextSequence: parent.nextSequence + 1 }));
  const now = { createdRevision: draft.revision, modifiedRevision: draft.revision };
  const owner = operation.ephemeral ? ownerOf(session) : null;
  draft.add(new Node({ path, data: operation.data, version: 1, ...now, owner, childCount: 0, nextSequence: 0 }));
  return { path, version: 1 };
}

function set(draft: Draft, operation: Change, session: string | null): Done | Failure {
  const node = draft.node(operation.path);
  if (!node) return "NO_NODE";
  if (!isExpected(node, operation.version)) return "BAD_VERSION";
  if (operation.ephemeral && node.childCount > 0) return "NOT_EMPTY";
  if (operation.ephemeral && node.path === "/") return "BAD_PATH";
  const owner = operation.ephemeral ? ownerOf(session) : node.owner;
  const version = node.version + 1;
  draft.put(node.with({ data: operation.data, version, owner, modifiedRevision: draft.revision }));
  return { path: node.path, version };
}

function remove(draft: Draft, operation: Delete): Done | Failure {
  if (operation.path === "/") return "BAD_PATH";
  const node = draft.node(operation.path);
  if (!node) return "NO_NODE";
  if (!isExpected(node, operation.version)) return "BAD_VERSION";
  if (node.childCount > 0) {
    if (!operation.recursive) return "NOT_EMPTY";
    const below = draft.below(operation.path);
    if (below.length > limits.recursiveDeleteMax) return "TOO_LARGE";
    for (const path of below) draft.remove(path);
  }
  draft.remove(operation.path);
  return { path: operation.path, version: 0 };
}

function bytesOf(nodes: readonly Node[]): number {
  return nodes.reduce((sum, { path, data }) => sum + path.length + data.length, 0);
}

function isExpected(node: Node, version: number | "any"): boolean {
  return version === "any" || node.version === version;
}

function ownerOf(session: string | null): string {
  assert(session !== null, "an ephemeral node needs a session");
  return session;
}
