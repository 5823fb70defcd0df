import type { Znode } from "@odradek/metadata/client";
import { nodeOrFail, type TreeReader } from "./past.ts";

export type TreeNode = Znode & { depth: number };

/** A node and everything below it, parents first, names in order; `depthMax` levels below the first. */
export async function walk(reader: TreeReader, path: string, depthMax: number): Promise<TreeNode[]> {
  const root = await nodeOrFail(reader, path);
  const below = async (node: Znode, depth: number): Promise<TreeNode[]> => {
    if (depth >= depthMax || node.childCount === 0) return [];
    const names = await reader.children(node.path);
    const children = await Promise.all(names.map((name) => reader.get(join(node.path, name))));
    // A child may go between the list of names and the look at it.
    const present = children.filter((child) => child !== null);
    const branches = await Promise.all(
      present.map(async (child) => [{ ...child, depth: depth + 1 }, ...(await below(child, depth + 1))]),
    );
    return branches.flat();
  };
  return [{ ...root, depth: 0 }, ...(await below(root, 0))];
}

export const join = (path: string, name: string): string => (path === "/" ? `/${name}` : `${path}/${name}`);

export const nameOf = (path: string): string => (path === "/" ? "/" : path.slice(path.lastIndexOf("/") + 1));
