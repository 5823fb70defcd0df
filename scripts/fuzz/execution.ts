import { Script } from "node:vm";
import type { Allocations } from "./allocations.ts";
import { allowedBytes, type Target } from "./target.ts";

/** What one input came to: nothing but what is declared, told apart by a number; or a finding. */
export type Outcome =
  | { readonly is: "fine"; readonly feature: number }
  | { readonly is: "found"; readonly what: string };

const HASH_PRIME = 0x0100_0193;

/** Runs one input and judges what it threw and what it asked for. */
export function execute(
  target: Target,
  input: Buffer,
  allocations: Allocations,
  { again } = { again: false },
): Outcome {
  const bytes = Buffer.from(input); // decoders may write into what they get
  let feature = 0;
  allocations.bytes = 0;
  try {
    feature = target.run(bytes) ?? 0;
  } catch (error) {
    if (!target.isExpected(error)) return { is: "found", what: sayings(error) };
    feature = hashOf((error as Error).message);
  }
  const allowed = allowedBytes(target, input.length);
  if (allocations.bytes <= allowed) return { is: "fine", feature };
  // What code keeps for later inputs, too, is asked for once; what this input asks for it asks for again.
  if (!again) return execute(target, input, allocations, { again: true });
  return { is: "found", what: `asked for ${allocations.bytes} bytes for ${input.length}; ${allowed} are allowed` };
}

/** Of a message what is the same for all numbers in it. */
function hashOf(message: string): number {
  let hash = 1;
  for (let at = 0; at < message.length; at++) {
    const code = message.charCodeAt(at);
    if (code < 48 || code > 57) hash = Math.imul(hash ^ code, HASH_PRIME);
  }
  return hash;
}

function sayings(error: unknown): string {
  if (!(error instanceof Error)) return `threw ${String(error)}`;
  return `threw ${error.stack ?? String(error)}`;
}

const call = new Script("globalThis.odradekFuzzWork()");

/** Does `work` here and now; false: it was stopped because it took longer than `timeMs`. */
export function runWithin(timeMs: number, work: () => void): boolean {
  const place = globalThis as { odradekFuzzWork?: () => void };
  place.odradekFuzzWork = work;
  try {
    call.runInThisContext({ timeout: timeMs });
    return true;
  } catch (error) {
    if ((error as { code?: string }).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
    return false;
  } finally {
    delete place.odradekFuzzWork;
  }
}
