import { Failure } from "../terminal/failure.ts";
import { durationMs } from "../terminal/duration.ts";

/** Where a consumer begins. */
export type Start =
  | { is: "start" }
  | { is: "end" }
  /** This many records before the end of each partition. */
  | { is: "last"; count: number }
  | { is: "offset"; offset: number }
  | { is: "time"; timestamp: number };

/** Larger offsets exist in Kafka, whose own end at 2^63 - 1, but no log has come that far. */
const offsetMax = Number.MAX_SAFE_INTEGER;
/** The last time a JavaScript date can name. */
const timestampMax = 8.64e15;

/** `start`, `end`, `-10`, `1234`, `@1700000000000`, `@2026-01-31T12:00`, `@-1h`. */
export function parseStart(text: string, nowMs: number): Start {
  if (text === "start" || text === "beginning" || text === "earliest") return { is: "start" };
  if (text === "end" || text === "latest") return { is: "end" };
  if (/^-\d+$/.test(text)) return { is: "last", count: parseOffset(text.slice(1)) };
  if (/^\d+$/.test(text)) return { is: "offset", offset: parseOffset(text) };
  if (text.startsWith("@")) return { is: "time", timestamp: parseTime(text.slice(1), nowMs) };
  throw new Failure("usage", `not an offset: ${text} (start, end, -N, N, @time)`);
}

function parseOffset(digits: string): number {
  const offset = Number(digits);
  if (offset <= offsetMax) return offset;
  throw new Failure("usage", `not an offset: ${digits} (0 to ${offsetMax})`);
}

/** Milliseconds since 1970, an ISO date and time, or a duration ago (`-1h`). */
function parseTime(text: string, nowMs: number): number {
  const parsed = /^\d{10,}$/.test(text)
    ? Number(text)
    : text.startsWith("-")
      ? Math.max(0, nowMs - durationMs(text.slice(1)))
      : Date.parse(text);
  // Negative times mean something else to Kafka.
  if (!(parsed >= 0 && parsed <= timestampMax))
    throw new Failure("usage", `not a time: @${text} (@-1h, @2026-01-31T12:00, @milliseconds)`);
  return parsed;
}
