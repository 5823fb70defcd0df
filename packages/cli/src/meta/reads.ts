import { Failure } from "../terminal/failure.ts";
import { print, printJson, printList, type OutputOptions } from "../terminal/output.ts";
import { withSession } from "./connection.ts";
import { readerOf } from "./past.ts";
import { brief, content, nodeJson } from "./show.ts";
import { askMembers, leaderOf, sessionsOfLeader } from "./status.ts";
import { membersOf, type MetaOptions } from "./target.ts";
import { nameOf, walk } from "./tree.ts";

type Common = MetaOptions & OutputOptions;
/** `rev`: as it was at that revision. */
type Read = Common & { path: string; rev: number | undefined };

const dataWidth = 100;

export async function status(options: Common): Promise<void> {
  const asked = await askMembers(membersOf(options));
  const rows = asked.map(({ member, address, status: seen }) => ({
    member,
    address,
    role: seen?.role ?? "DOWN",
    term: seen?.term ?? null,
    leader: seen?.leader ?? null,
    revision: seen?.revision ?? null,
    committed: seen?.commitIndex ?? null,
    applied: seen?.appliedIndex ?? null,
    snapshot: seen?.snapshotIndex ?? null,
    sessions: seen?.sessions ?? null,
    nodes: seen?.nodes ?? null,
  }));
  await printList(rows, options, [
    ["MEMBER", ({ member }) => member],
    ["ADDRESS", ({ address }) => address],
    ["ROLE", ({ role }) => role],
    ["TERM", ({ term }) => term],
    ["REVISION", ({ revision }) => revision],
    ["COMMITTED", ({ committed }) => committed],
    ["APPLIED", ({ applied }) => applied],
    ["SNAPSHOT", ({ snapshot }) => snapshot],
    ["SESSIONS", ({ sessions: count }) => count],
    ["NODES", ({ nodes }) => nodes],
  ]);
  if (!leaderOf(asked)) throw new Failure("unhealthy", "no member leads");
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
  return withSession(options, async (session) => {
    const [, ...children] = await walk(readerOf(session, options.rev), options.path, 1);
    const rows = children.map((node) => ({ name: nameOf(node.path), ...nodeJson(node) }));
    await printList(rows, options, [
      ["NAME", ({ name }) => name],
      ["VERSION", ({ version }) => version],
      ["MODIFIED", ({ modifiedRevision }) => modifiedRevision],
      ["OWNER", ({ owner }) => owner],
      ["CHILDREN", ({ childCount }) => childCount],
    ]);
  });
}

export function tree(options: Read & { depth: number }): Promise<void> {
  return withSession(options, async (session) => {
    const nodes = await walk(readerOf(session, options.rev), options.path, options.depth);
    if (options.output === "json") return printJson(nodes.map(nodeJson));
    if (options.output === "name") return print(nodes.map(({ path }) => `${path}\n`).join(""));
    const lines = nodes.map(({ path, data, owner, depth }) => {
      const name = `${"  ".repeat(depth)}${depth === 0 ? path : nameOf(path)}${owner === null ? "" : " *"}`;
      return `${name.padEnd(32)}  ${brief(data, dataWidth)}`.trimEnd();
    });
    const note = nodes.some(({ owner }) => owner !== null) ? "* goes with its owner's session\n" : "";
    return print(`${lines.join("\n")}\n${note}`);
  });
}

export function get(options: Read & { stat: boolean }): Promise<void> {
  return withSession(options, async (session) => {
    const node = await readerOf(session, options.rev).get(options.path);
    const when = options.rev === undefined ? "is" : `was at revision ${options.rev}`;
    if (node === null) throw new Failure("notFound", `there ${when} no ${options.path}`);
    if (options.output === "json") return printJson(nodeJson(node));
    if (options.output === "name") return print(`${node.path}\n`);
    const shown = content(node.data);
    await print(`${typeof shown === "string" ? shown : JSON.stringify(shown, null, 2)}\n`);
    if (!options.stat) return;
    const { version, createdRevision, modifiedRevision, owner, childCount } = node;
    const revisions = `created at ${createdRevision}, modified at ${modifiedRevision}`;
    await print(`version ${version}   ${revisions}   owner ${owner ?? "none"}   children ${childCount}\n`);
  });
}
