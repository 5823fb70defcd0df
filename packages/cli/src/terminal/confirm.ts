import { createInterface } from "node:readline/promises";
import { Failure } from "./failure.ts";

/** Asks before something is destroyed; without a terminal to ask at, only `--yes` will do. */
export async function confirm(what: string, isSure: boolean): Promise<void> {
  if (isSure) return;
  if (!process.stdin.isTTY || !process.stderr.isTTY) throw new Failure("usage", `${what}: say --yes to do it`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`${what}? [y/N] `);
  terminal.close();
  if (!/^y(?:es)?$/i.test(answer.trim())) throw new Failure("runtime", "nothing done");
}
