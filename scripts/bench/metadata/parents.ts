/** Makes what stands above a path. Our paths have few parents; each is made once per client, whoever made it before. */
export function parentMaker(create: (path: string) => Promise<void>): (path: string) => Promise<void> {
  const made = new Set<string>();
  const makeParent = async (path: string): Promise<void> => {
    const parent = path.slice(0, path.lastIndexOf("/"));
    if (parent === "" || made.has(parent)) return;
    await makeParent(parent);
    made.add(parent);
    await create(parent);
  };
  return makeParent;
}
