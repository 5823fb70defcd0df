import { print, printJsonLine, type OutputOptions } from "../terminal/output.ts";
import type { ClusterStatus } from "./cluster-health.ts";
import { changesOf } from "./status-changes.ts";
import { statusText } from "./status-text.ts";

/** Below the tables, so that what passed while nobody looked can be read. */
const changesShown = 10;

/** Looks again and again until the process is ended: a page that renews itself on a terminal, else a line per change. */
export async function watchStatus(
  look: () => Promise<ClusterStatus>,
  intervalMs: number,
  { output }: OutputOptions,
): Promise<never> {
  const isPage = process.stdout.isTTY && output !== "json";
  const past: string[] = [];
  let before: ClusterStatus | null = null;
  let trouble = "";
  for (;;) {
    const seen = await look().catch((error: unknown) => error as Error);
    const changes = seen instanceof Error ? [`no answer: ${seen.message}`] : changesOf(before, seen);
    const isNews = changes.length > 0 && changes[0] !== trouble;
    trouble = seen instanceof Error ? changes[0]! : "";
    const lines = isNews ? changes.map((change) => `${new Date().toISOString()} ${change}`) : [];
    past.push(...lines);
    past.splice(0, past.length - changesShown);
    if (!(seen instanceof Error)) before = seen;
    if (isPage) await printPage(before, past);
    else if (output === "json") await printNews(seen, isNews);
    else await print(lines.map((line) => `${line}\n`).join(""));
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}

const clear = "\x1b[H\x1b[J";

function printPage(seen: ClusterStatus | null, past: readonly string[]): Promise<void> {
  return print(`${clear}${seen === null ? "" : statusText(seen)}\n${past.map((line) => `${line}\n`).join("")}`);
}

async function printNews(seen: ClusterStatus | Error, isNews: boolean): Promise<void> {
  if (!isNews) return;
  const atMs = Date.now();
  await printJsonLine(seen instanceof Error ? { atMs, problem: seen.message } : { atMs, ...seen });
}
