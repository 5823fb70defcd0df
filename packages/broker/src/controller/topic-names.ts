import { limits } from "../limits.ts";

const INTERNAL = new Set(["__consumer_offsets", "__transaction_state", "__share_group_state"]);

/** Topics that belong to the brokers, marked as internal for clients. */
export const isInternal = (name: string): boolean => INTERNAL.has(name);

/** Why a topic can't have this name, in Kafka's words; null when it can. */
export function problemWithTopicName(name: string): string | null {
  if (name === "") return "Topic name is invalid: the empty string is not allowed";
  if (name === "." || name === "..") return `Topic name is invalid: '${name}' is not allowed`;
  if (name.length > limits.topicNameLengthMax)
    return `Topic name is invalid: the length of '${name}' is longer than the max allowed length ${limits.topicNameLengthMax}`;
  if (!/^[a-zA-Z0-9._-]+$/.test(name))
    return `Topic name is invalid: '${name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'`;
  return null;
}

/** The same for names that metrics can't tell apart. */
export const foldedName = (name: string): string => name.replaceAll(".", "_");

/** The names of topics by what metrics call them. Topics that exist never collide, so each has a place of its own. */
const byFoldedName = new WeakMap<ReadonlyMap<string, unknown>, ReadonlyMap<string, string>>();

/** A topic whose name differs from `name` only in "." against "_", which metric names can't tell apart. `topics` must never change. */
export function collidingTopic(name: string, topics: ReadonlyMap<string, unknown>): string | null {
  if (!/[._]/.test(name)) return null;
  const names = byFoldedName.get(topics) ?? new Map(Array.from(topics.keys(), (other) => [foldedName(other), other]));
  byFoldedName.set(topics, names);
  const other = names.get(foldedName(name));
  return other === undefined || other === name ? null : other;
}
