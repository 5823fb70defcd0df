import { limits } from "@odradek/metadata/client";
import { Failure } from "../terminal/failure.ts";

/** A path of the tree as it was typed: `/` or `/a/b`. */
export function treePath(text: string): string {
  if (/^(\/|(\/[^/]+)+)$/.test(text)) return fitting(text);
  throw new Failure("usage", `not a path: ${text} (/ or /a/b)`);
}

/** The path, unless no node can have it. */
export function fitting(path: string): string {
  const levels = path.split("/").length - 1;
  const bytes = Buffer.byteLength(path);
  const { pathDepthMax, pathBytesMax } = limits;
  if (levels > pathDepthMax) throw tooLong(`${levels} levels`, pathDepthMax);
  if (bytes > pathBytesMax) throw tooLong(`${bytes} bytes`, pathBytesMax);
  return path;
}

function tooLong(size: string, max: number): Failure {
  return new Failure("usage", `a path of ${size} is too long: at most ${max}`);
}
