import type { Znode } from "@odradek/metadata/client";
import { print, printJson, printList, type OutputOptions } from "../terminal/output.ts";
import type { TreeReader } from "./past.ts";
import { brief, content, nodeJson } from "./show.ts";
import { nameOf, walk } from "./tree.ts";

const dataWidth = 100;

/** The children of a node. */
export async function showList(reader: TreeReader, path: string, options: OutputOptions): Promise<void> {
  const [, ...children] = await walk(reader, path, 1);
  const rows = children.map((node) => ({ name: nameOf(node.path), ...nodeJson(node) }));
  await printList(rows, options, [
    ["NAME", ({ name }) => name],
    ["VERSION", ({ version }) => version],
    ["MODIFIED", ({ modifiedRevision }) => modifiedRevision],
    ["OWNER", ({ owner }) => owner],
    ["CHILDREN", ({ childCount }) => childCount],
  ]);
}

/** A node and what is below it. */
export async function showTree(
  reader: TreeReader,
  path: string,
  depthMax: number,
  options: OutputOptions,
): Promise<void> {
  const nodes = await walk(reader, path, depthMax);
  if (options.output === "json") return printJson(nodes.map(nodeJson));
  if (options.output === "name") return print(nodes.map((node) => `${node.path}\n`).join(""));
  const lines = nodes.map(({ path: each, data, owner, depth }) => {
    const name = `${"  ".repeat(depth)}${depth === 0 ? each : nameOf(each)}${owner === null ? "" : " *"}`;
    return `${name.padEnd(32)}  ${brief(data, dataWidth)}`.trimEnd();
  });
  const note = nodes.some(({ owner }) => owner !== null) ? "* goes with its owner's session\n" : "";
  return print(`${lines.join("\n")}\n${note}`);
}

/** What a node holds. */
export function showNode(node: Znode, options: OutputOptions): Promise<void> {
  if (options.output === "json") return printJson(nodeJson(node));
  if (options.output === "name") return print(`${node.path}\n`);
  const shown = content(node.data);
  return print(`${typeof shown === "string" ? shown : JSON.stringify(shown, null, 2)}\n`);
}

export function showStat({ version, createdRevision, modifiedRevision, owner, childCount }: Znode): Promise<void> {
  const revisions = `created at ${createdRevision}, modified at ${modifiedRevision}`;
  return print(`version ${version}   ${revisions}   owner ${owner ?? "none"}   children ${childCount}\n`);
}
