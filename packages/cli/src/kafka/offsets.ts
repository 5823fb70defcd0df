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

/** `start`, `end`, `-10`, `1234`, `@1700000000000`, `@2026-01-31T12:00`, `@-1h`. */
export function parseStart(text: string, nowMs: number): Start {
  if (text === "start" || text === "beginning" || text === "earliest") return { is: "start" };
  if (text === "end" || text === "latest") return { is: "end" };
  if (/^-\d+$/.test(text)) return { is: "last", count: -Number(text) };
  if (/^\d+$/.test(text)) return { is: "offset", offset: Number(text) };
  if (text.startsWith("@")) return { is: "time", timestamp: parseTime(text.slice(1), nowMs) };
  throw new Failure("usage", `not an offset: ${text} (start, end, -N, N, @time)`);
}

/** Milliseconds since 1970, an ISO date and time, or a duration ago (`-1h`). */
function parseTime(text: string, nowMs: number): number {
  if (/^\d{10,}$/.test(text)) return Number(text);
  if (text.startsWith("-")) return nowMs - durationMs(text.slice(1));
  const parsed = Date.parse(text);
  if (Number.isNaN(parsed)) throw new Failure("usage", `not a time: @${text} (@-1h, @2026-01-31T12:00, @milliseconds)`);
  return parsed;
}
