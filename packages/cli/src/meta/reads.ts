import { Failure } from "../terminal/failure.ts";
import { printList, tell, type OutputOptions } from "../terminal/output.ts";
import { withSession } from "./connection.ts";
import { nodeOrFail, readerOf } from "./past.ts";
import { showList, showNode, showStat, showTree } from "./nodes.ts";
import { askMembers, leaderOf, sessionsOfLeader } from "./status.ts";
import { membersOf, type MetaOptions } from "./target.ts";

type Common = MetaOptions & OutputOptions;
/** `rev`: as it was at that revision. */
type Read = Common & { path: string; rev: number | undefined };

export async function status(options: Common): Promise<void> {
  const asked = await askMembers(membersOf(options));
  const rows = asked.map(({ member, address, status: seen }) => ({
    member,
    address,
    role: seen?.role ?? "DOWN",
    term: seen?.term ?? null,
    leader: seen?.leader ?? null,
    revision: seen?.revision ?? null,
    oldest: seen?.oldestRevision ?? null,
    committed: seen?.commitIndex ?? null,
    applied: seen?.appliedIndex ?? null,
    snapshot: seen?.snapshotIndex ?? null,
    sessions: seen?.sessions ?? null,
    nodes: seen?.nodes ?? null,
    space: seen?.space ?? null,
    freeBytes: seen?.freeBytes ?? null,
  }));
  await printList(rows, options, [
    ["MEMBER", ({ member }) => member],
    ["ADDRESS", ({ address }) => address],
    ["ROLE", ({ role }) => role],
    ["TERM", ({ term }) => term],
    ["REVISION", ({ revision }) => revision],
    ["OLDEST", ({ oldest }) => oldest],
    ["COMMITTED", ({ committed }) => committed],
    ["APPLIED", ({ applied }) => applied],
    ["SNAPSHOT", ({ snapshot }) => snapshot],
    ["SESSIONS", ({ sessions: count }) => count],
    ["NODES", ({ nodes }) => nodes],
    ["DISK", ({ space, freeBytes }) => space && diskText(space, freeBytes)],
  ]);
  for (const { member, space, freeBytes } of rows)
    if (space !== null && space !== "ok")
      tell(`member ${member}: its disk is ${diskText(space, freeBytes)}; free some`);
  const leader = leaderOf(asked);
  if (!leader) throw new Failure("unhealthy", "no member leads");
  const { splitAt } = leader.status!;
  if (splitAt !== null)
    throw new Failure(
      "unhealthy",
      `members have different states after entry ${splitAt} and no majority agrees on one: nobody can tell who is right. Keep copies of all data directories`,
    );
}

/** "ok, 12.3 GiB free" */
function diskText(space: string, freeBytes: number | null): string {
  if (freeBytes === null) return space;
  const mib = freeBytes / 1024 ** 2;
  return `${space}, ${mib < 1024 ? `${mib.toFixed(0)} MiB` : `${(mib / 1024).toFixed(1)} GiB`} free`;
}

export async function sessions(options: Common): Promise<void> {
  const rows = await sessionsOfLeader(membersOf(options));
  await printList(rows, options, [
    ["SESSION", ({ id }) => id],
    ["NAME", ({ name }) => name],
    ["TIMEOUT", ({ timeoutMs }) => `${timeoutMs} ms`],
    ["EPHEMERAL", ({ ephemeralNodes }) => ephemeralNodes],
    ["ATTACHED", ({ attached }) => (attached ? "yes" : "no")],
  ]);
}

export function list(options: Read): Promise<void> {
  return withSession(options, (session) => showList(readerOf(session, options.rev), options.path, options));
}

export function tree(options: Read & { depth: number }): Promise<void> {
  return withSession(options, (session) =>
    showTree(readerOf(session, options.rev), options.path, options.depth, options),
  );
}

export function get(options: Read & { stat: boolean }): Promise<void> {
  return withSession(options, async (session) => {
    const node = await nodeOrFail(readerOf(session, options.rev), options.path);
    await showNode(node, options);
    if (options.stat && options.output === "table") await showStat(node);
  });
}
