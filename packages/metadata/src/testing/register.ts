import { isDeepStrictEqual } from "node:util";

import type { Operation, Outcome, Znode } from "../client/types.ts";
import type { Sequential } from "./linearizable.ts";

export type RegisterInput =
  | { is: "get" }
  | { is: "create"; value: string }
  | { is: "set"; value: string; version: number | "any" }
  | { is: "delete"; version: number | "any" };
export type RegisterOutput =
  | { is: "nothing" }
  | { is: "found"; value: string; version: number }
  | { is: "done"; version: number }
  | { is: "failed"; why: string };

type Register = { value: string; version: number } | null;

/** One node without children as a register that can be compared and set, and deleted. */
export const register: Sequential<Register, RegisterInput, RegisterOutput> = {
  start: null,
  apply(state, input) {
    switch (input.is) {
      case "get":
        return { state, output: state ? { is: "found", ...state } : { is: "nothing" } };
      case "create":
        if (state) return { state, output: { is: "failed", why: "NODE_EXISTS" } };
        return { state: { value: input.value, version: 1 }, output: { is: "done", version: 1 } };
      case "set":
      case "delete": {
        if (!state) return { state, output: { is: "failed", why: "NO_NODE" } };
        if (input.version !== "any" && input.version !== state.version)
          return { state, output: { is: "failed", why: "BAD_VERSION" } };
        if (input.is === "delete") return { state: null, output: { is: "done", version: 0 } };
        const version = state.version + 1;
        return { state: { value: input.value, version }, output: { is: "done", version } };
      }
    }
  },
  isSame: (one, other) => isDeepStrictEqual(one, other),
  name: (state) => (state ? `${state.version} ${state.value}` : ""),
};

export const outputOfRead = (node: Znode | null): RegisterOutput =>
  node ? { is: "found", value: node.data.toString(), version: node.version } : { is: "nothing" };

/** What a write asks of the register at `path`; null: nothing, or more than a register can do. */
export function inputOfWrite(operation: Operation): RegisterInput | null {
  switch (operation.is) {
    case "create":
      return { is: "create", value: operation.data.toString() };
    case "set":
      return { is: "set", value: operation.data.toString(), version: operation.version };
    case "delete":
      return { is: "delete", version: operation.version };
    default:
      return null;
  }
}

export function outputOfWrite(outcome: Exclude<Outcome, { is: "unknown" }>, at: number): RegisterOutput {
  return outcome.is === "failed"
    ? { is: "failed", why: outcome.failure }
    : { is: "done", version: outcome.results[at]!.version };
}
