import { Failure } from "../terminal/failure.ts";

/** `["a=1", "b=x=y"]` as an object; a value may hold further `=`. */
export function parseSettings(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      if (at <= 0) throw new Failure("usage", `not a setting: ${pair} (key=value)`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}
