import { randomUuid, type Files, type Random } from "@odradek/kit";
import { join } from "node:path";

const NAME = "meta.properties";

/** A data directory of another cluster or broker: mixing them would mix their records. */
export class ForeignDirectoryError extends Error {
  override readonly name = "ForeignDirectoryError";
}

/**
 * Whose data directory this is. A new one is marked as ours; one that says otherwise is refused.
 * Returns the directory's own id (base64url).
 */
export async function claimDirectory(
  files: Files,
  directory: string,
  owner: { clusterId: string; nodeId: number; random: Random },
): Promise<string> {
  const path = join(directory, NAME);
  const bytes = files.readAll(path);
  if (bytes !== null) {
    const stored = parse(bytes.toString("utf8"));
    check(path, "cluster.id", stored.get("cluster.id"), owner.clusterId);
    check(path, "node.id", stored.get("node.id"), String(owner.nodeId));
    const id = stored.get("directory.id");
    if (id !== undefined) return id;
  }
  const id = randomUuid(owner.random).toString("base64url");
  const lines = ["version=1", `cluster.id=${owner.clusterId}`, `node.id=${owner.nodeId}`, `directory.id=${id}`];
  await files.replace(path, Buffer.from(lines.join("\n") + "\n"));
  return id;
}

function check(path: string, name: string, stored: string | undefined, ours: string): void {
  if (stored !== ours)
    throw new ForeignDirectoryError(`${path} says ${name}=${stored ?? "nothing"}, but this broker's is ${ours}`);
}

function parse(text: string): Map<string, string> {
  const properties = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const match = /^\s*([^#!=:\s]+)\s*[=:]\s*(.*)$/.exec(line);
    if (match !== null) properties.set(match[1]!, match[2]!.trim());
  }
  return properties;
}
