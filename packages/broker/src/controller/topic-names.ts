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

/** A topic whose name differs from `name` only in "." against "_", which metric names can't tell apart. */
export function collidingTopic(name: string, topics: ReadonlyMap<string, unknown>): string | null {
  if (!/[._]/.test(name)) return null;
  const folded = foldedName(name);
  for (const other of topics.keys()) if (other !== name && foldedName(other) === folded) return other;
  return null;
}
