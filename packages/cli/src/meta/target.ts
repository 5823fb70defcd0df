import type { Argv } from "yargs";
import { findRunning } from "../dev/state-file.ts";
import { timeoutMs, timeoutOption } from "../terminal/duration.ts";
import { Failure } from "../terminal/failure.ts";
import { tellOnce } from "../terminal/output.ts";

export type MetaOptions = { meta: string | undefined; timeout: string };

export function metaOptions<T>(yargs: Argv<T>): Argv<T & MetaOptions> {
  return yargs
    .option("meta", {
      type: "string",
      describe:
        "metadata nodes as id=host:port,…; else ODRADEK_META, the running `odradek dev`, or localhost:2181-2183",
    })
    .option("timeout", timeoutOption);
}

export const timeoutMsOf = ({ timeout }: { timeout: string }): number => timeoutMs(timeout);

/** All members with their addresses: the flag, the environment, the running `odradek dev`, the documented ports. */
export function membersOf(options: { meta: string | undefined }): Map<number, string> {
  const named = options.meta ?? process.env["ODRADEK_META"];
  if (named !== undefined && named !== "") return parseMembers(named);
  const nodes = findRunning()?.nodes.filter(({ role }) => role === "metadata") ?? [];
  if (nodes.length > 0) return new Map(nodes.map(({ id, address }) => [id, address]));
  tellOnce("no cluster of `odradek dev` runs here and none is named: taking 127.0.0.1:2181-2183");
  return new Map([1, 2, 3].map((id) => [id, `127.0.0.1:${2180 + id}`]));
}

/** `1=host:2181,2=host:2182`; without ids they are counted from 1. */
export function parseMembers(text: string): Map<number, string> {
  return new Map(
    text.split(",").map((entry, at) => {
      const match = /^(?:(\d+)=)?(\S+:\d+)$/.exec(entry.trim());
      if (!match) throw new Failure("usage", `not a metadata node: ${entry} (id=host:port)`);
      return [match[1] === undefined ? at + 1 : Number(match[1]), match[2]!];
    }),
  );
}
