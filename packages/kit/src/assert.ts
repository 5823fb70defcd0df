/** Thrown when something the code believes is not so. Never caught: it stops the process. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** States a belief. A false one is a bug of ours, not an answer and not a fault of the world. */
export function assert(condition: unknown, belief = "a belief of the code does not hold"): asserts condition {
  if (!condition) throw new AssertionError(belief);
}

/** Ends a `switch` over a union: reaching it means that a case was forgotten. */
export function unreachable(value: never): never {
  throw new AssertionError(`no case for ${JSON.stringify(value)}`);
}
