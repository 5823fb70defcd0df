import { Failure } from "../terminal/failure.ts";

/** A path of the tree as it was typed: `/` or `/a/b`. */
export function treePath(text: string): string {
  if (/^(\/|(\/[^/]+)+)$/.test(text)) return text;
  throw new Failure("usage", `not a path: ${text} (/ or /a/b)`);
}
