import { Failure } from "./failure.ts";

const unitMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A longer timer would fire at once. */
const timerMsMax = 2 ** 31 - 1;

/** `500ms`, `5s`, `2m`, `1h`, `7d` in milliseconds; a bare number is seconds. */
export function durationMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text.trim());
  if (!match) throw new Failure("usage", `not a duration: ${text} (500ms, 5s, 2m, 1h, 7d)`);
  return Number(match[1]) * unitMs[match[2] ?? "s"]!;
}

/** A duration that a timer can wait for: from a millisecond to 24 days. */
export function timeoutMs(text: string): number {
  const ms = durationMs(text);
  if (ms < 1) throw new Failure("usage", `${text} is no time to wait: at least 1ms`);
  if (ms > timerMsMax) throw new Failure("usage", `${text} is too long to wait: at most 24d`);
  return ms;
}

/** Shorter than the libraries' own deadlines: a person waits. What cannot be waited for is refused before anything is asked. */
export const timeoutOption = {
  type: "string",
  // One word, also when it begins with a minus.
  nargs: 1,
  default: "5s",
  coerce: waitable,
  describe: "how long to try",
} as const;

function waitable(given: unknown): string {
  if (typeof given !== "string") throw new Failure("usage", "--timeout takes one duration");
  timeoutMs(given);
  return given;
}
