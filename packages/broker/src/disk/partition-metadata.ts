import type { Files } from "@odradek/kit";
import { join } from "node:path";

const NAME = "partition.metadata";
const TEXT = /^version: 0\ntopic_id: ([A-Za-z0-9_-]{22})\n?$/;

/** The id (base64url) of the topic that a partition directory belongs to; null when it does not say. */
export function readTopicId(files: Files, directory: string): string | null {
  return TEXT.exec(String(files.readAll(join(directory, NAME))))?.[1] ?? null;
}

/** To be awaited before anything else is put there: a crash may leave half a file, which says as little as none. */
export async function writeTopicId(files: Files, directory: string, topicId: string): Promise<void> {
  const file = files.open(join(directory, NAME), { create: true });
  try {
    file.truncate(0);
    file.write([Buffer.from(`version: 0\ntopic_id: ${topicId}`)], 0);
    await Promise.all([file.sync(), files.syncDirectory(directory)]);
  } finally {
    file.close();
  }
}
