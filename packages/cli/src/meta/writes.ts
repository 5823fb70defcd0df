import type { Operation, Session } from "@odradek/metadata/client";
import { confirm } from "../terminal/confirm.ts";
import { Failure } from "../terminal/failure.ts";
import { tell, print, type OutputOptions } from "../terminal/output.ts";
import { doneOrFail, withSession } from "./connection.ts";
import { nodeOrFail, readerOf } from "./past.ts";
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
  const leaf: Operation = { is: "create", path, data: Buffer.from(value), sequential };
  for (;;) {
    const missing = parents ? await missingParents(session, path) : [];
    const outcome = await session.multi([...missing, leaf]);
    // Somebody else has made a parent meanwhile: fewer are missing now.
    const isOvertaken = outcome.is === "failed" && outcome.failure === "NODE_EXISTS" && outcome.at < missing.length;
    if (isOvertaken) continue;
    return print(`${doneOrFail(outcome).path}\n`);
  }
}

/** Made in one revision with the node itself: what is refused leaves nothing behind. */
async function missingParents(session: Session, path: string): Promise<Operation[]> {
  const missing: Operation[] = [];
  for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
    const parent = path.slice(0, at);
    if (await session.exists(parent)) break;
    missing.unshift({ is: "create", path: parent, data: Buffer.alloc(0) });
  }
  return missing;
}

type Remove = AtVersion & { path: string; recursive: boolean };

export async function remove(options: Common & Remove & { yes: boolean }): Promise<void> {
  if (options.path === "/") throw new Failure("usage", "/ cannot be deleted: it is always there");
  // One leaf is as easily made again as deleted; a branch is not. Nobody is asked about what is not there.
  if (options.recursive && !options.yes)
    await withSession(options, (session) => nodeOrFail(readerOf(session, undefined), options.path));
  if (options.recursive) await confirm(`delete ${options.path} and everything below it`, options.yes);
  await withSession(options, (session) => removeNode(session, options));
}

export async function removeNode(session: Session, { path, recursive, "at-version": version }: Remove): Promise<void> {
  const done = doneOrFail(await session.delete(path, version ?? "any", { recursive }));
  tell(`deleted ${path} at revision ${done.revision}`);
}
