import type { Files } from "@odradek/kit";
import { dirname } from "node:path";

/** Makes a directory and those above it that are missing, so that a power loss leaves them where they are (RELIABILITY L-05). */
export async function makeDurableDirectory(files: Files, path: string): Promise<void> {
  const above = dirname(path);
  if (files.exists(path) || above === path) return;
  await makeDurableDirectory(files, above);
  files.makeDirectory(path);
  await files.syncDirectory(above);
}
