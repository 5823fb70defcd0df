import type { Session } from "@odradek/metadata/client";
import { confirm } from "../terminal/confirm.ts";
import { tell, print, type OutputOptions } from "../terminal/output.ts";
import { doneOrFail, withSession } from "./connection.ts";
import type { MetaOptions } from "./target.ts";

type Common = MetaOptions & OutputOptions & { path: string };
export type AtVersion = { "at-version"?: number | undefined };

export function set(options: Common & AtVersion & { value: string }): Promise<void> {
  return withSession(options, (session) => setNode(session, options));
}

export async function setNode(
  session: Session,
  { path, value, "at-version": version }: AtVersion & { path: string; value: string },
): Promise<void> {
  const done = doneOrFail(await session.set(path, Buffer.from(value), version ?? "any"));
  tell(`${done.path} has version ${done.version} at revision ${done.revision}`);
}

type Create = { path: string; value: string; sequential: boolean; parents: boolean };

export function create(options: Common & Create): Promise<void> {
  return withSession(options, (session) => createNode(session, options));
}

export async function createNode(session: Session, { path, value, sequential, parents }: Create): Promise<void> {
  if (parents) await createParents(session, path);
  const done = doneOrFail(await session.create(path, Buffer.from(value), { sequential }));
  await print(`${done.path}\n`);
}

async function createParents(session: Session, path: string): Promise<void> {
  for (let at = path.indexOf("/", 1); at > 0; at = path.indexOf("/", at + 1)) {
    const outcome = await session.create(path.slice(0, at), Buffer.alloc(0));
    if (outcome.is === "failed" && outcome.failure === "NODE_EXISTS") continue;
    doneOrFail(outcome);
  }
}

type Remove = AtVersion & { path: string; recursive: boolean };

export async function remove(options: Common & Remove & { yes: boolean }): Promise<void> {
  // One leaf is as easily made again as deleted; a branch is not.
  if (options.recursive) await confirm(`delete ${options.path} and everything below it`, options.yes);
  await withSession(options, (session) => removeNode(session, options));
}

export async function removeNode(session: Session, { path, recursive, "at-version": version }: Remove): Promise<void> {
  const done = doneOrFail(await session.delete(path, version ?? "any", { recursive }));
  tell(`deleted ${path} at revision ${done.revision}`);
}
