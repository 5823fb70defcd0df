import { Failure } from "./failure.ts";

const unitMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `500ms`, `5s`, `2m`, `1h`, `7d` in milliseconds; a bare number is seconds. */
export function durationMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text.trim());
  if (!match) throw new Failure("usage", `not a duration: ${text} (500ms, 5s, 2m, 1h, 7d)`);
  return Number(match[1]) * unitMs[match[2] ?? "s"]!;
}
