import { join } from "node:path";

/** What `dev` gives each broker itself: one value for all would be one identity, one port or one store for all. */
const ownOfEach: readonly string[] = [
  "node.id",
  "broker.id",
  "listeners",
  "advertised.listeners",
  "odradek.grpc.listener",
  "odradek.grpc.advertised",
  "odradek.http.listener",
  "odradek.metadata.connect",
];

const nameOf = (setting: string): string => setting.split("=", 1)[0]!.trim();
const namesDirectories = (setting: string): boolean => ["log.dir", "log.dirs"].includes(nameOf(setting));

/** The first setting that cannot be one for all brokers of `dev`. */
export const ownSetting = (settings: readonly string[]): string | undefined =>
  settings.map(nameOf).find((name) => ownOfEach.includes(name));

/** The settings that all brokers get as they were given. */
export const sharedSettings = (settings: readonly string[]): string[] =>
  settings.filter((setting) => !namesDirectories(setting));

/**
 * Where the broker named so keeps its partitions, when `log.dirs` was given: two brokers in one directory would take each other's
 * files, so each has a directory of its own in every one that is named. Null: nothing was given.
 */
export function brokerDirectories(settings: readonly string[], broker: string): string[] | null {
  const given = (name: string): string => settings.findLast((setting) => nameOf(setting) === name) ?? "";
  for (const setting of [given("log.dirs"), given("log.dir")]) {
    const named = setting.slice(setting.indexOf("=") + 1).split(",");
    const directories = named.map((directory) => directory.trim()).filter((directory) => directory !== "");
    if (directories.length > 0) return directories.map((directory) => join(directory, broker));
  }
  return null;
}
