import type { Session } from "@odradek/metadata/client";
import { confirm } from "../terminal/confirm.ts";
import { tell, print, type OutputOptions } from "../terminal/output.ts";
import { doneOrFail, withSession } from "./connection.ts";
import type { MetaOptions } from "./target.ts";

type Common = MetaOptions & OutputOptions & { path: string };

export function set(options: Common & { value: string; "at-version": number | undefined }): Promise<void> {
  return withSession(options, async (session) => {
    const version = options["at-version"] ?? "any";
    const done = doneOrFail(await session.set(options.path, Buffer.from(options.value), version));
    tell(`${done.path} has version ${done.version} at revision ${done.revision}`);
  });
}

export function create(options: Common & { value: string; sequential: boolean; parents: boolean }): Promise<void> {
  return withSession(options, async (session) => {
    if (options.parents) await createParents(session, options.path);
    const { sequential } = options;
    const done = doneOrFail(await session.create(options.path, Buffer.from(options.value), { sequential }));
    await print(`${done.path}\n`);
  });
}

async function createParents(session: Session, path: string): Promise<void> {
  for (let at = path.indexOf("/", 1); at > 0; at = path.indexOf("/", at + 1)) {
    const outcome = await session.create(path.slice(0, at), Buffer.alloc(0));
    if (outcome.is === "failed" && outcome.failure === "NODE_EXISTS") continue;
    doneOrFail(outcome);
  }
}

export async function remove(
  options: Common & { recursive: boolean; "at-version": number | undefined; yes: boolean },
): Promise<void> {
  const { recursive } = options;
  // One leaf is as easily made again as deleted; a branch is not.
  if (recursive) await confirm(`delete ${options.path} and everything below it`, options.yes);
  await withSession(options, async (session) => {
    const done = doneOrFail(await session.delete(options.path, options["at-version"] ?? "any", { recursive }));
    tell(`deleted ${options.path} at revision ${done.revision}`);
  });
}
