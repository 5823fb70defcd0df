import { batchesIn, errorName, UUID_ZERO } from "@odradek/protocol";
import type { Address } from "../bench/wire.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
type Fields = Readonly<Record<string, unknown>>;

/** Producer ids that cases give themselves; others were given by a system. */
export const OWN_PRODUCERS = 770_000;

/** What names an element of a list: the first of these that it has. The order of such lists means nothing. */
const names = [
  ...["apiKey", "name", "topic", "topicName", "topicId", "groupId", "key", "resourceName", "nodeId", "brokerId"],
  ...["index", "partition", "partitionIndex", "partitionId", "producerId", "memberId"],
];

/** What can stand for itself in a path. */
const isName = /^[a-zA-Z][\w.-]*$/;

/** Brings answers of two systems into one form: what can't be equal is named by its part in the story. */
export class Normalizer {
  readonly #prefix: string;
  readonly #ports: ReadonlyMap<number, number>;
  readonly #topics = new Map<string, string>();
  /** Member and session ids, in the order in which they appear. */
  readonly #seen = new Map<unknown, string>();
  readonly #counts = new Map<string, number>();

  constructor(brokers: ReadonlyMap<number, Address>, prefix: string) {
    this.#prefix = prefix;
    this.#ports = new Map([...brokers].map(([id, { port }]) => [port, id]));
  }

  topic(id: string, name: string): void {
    this.#topics.set(id, name);
  }

  normal(value: unknown, field = ""): Json {
    if (Buffer.isBuffer(value)) return field === "records" ? recordsOf(value) : value.toString("hex");
    if (Array.isArray(value)) return this.#list(value, field);
    if (typeof value === "object" && value !== null) return this.#fields(value as Fields);
    return this.#scalar(value as Json, field);
  }

  /** A list whose elements have names becomes the elements by name; those of one name are brought together. */
  #list(list: readonly unknown[], field: string): Json {
    if (field === "synonyms") return list.map((one) => this.normal(one));
    const named = list.map((one) => ({ name: this.#nameOf(one), value: this.normal(one) }));
    if (named.some(({ name }) => name === null)) return named.map(({ value }) => value);
    const byName: Record<string, Json> = {};
    for (const { name, value } of named) {
      let free = name!;
      for (let count = 2; free in byName; count++) {
        const merged = mergedLists(byName[free]!, value);
        if (merged !== null) byName[free] = merged;
        if (merged !== null) break;
        free = `${name} (${count})`;
      }
      byName[free] ??= value;
    }
    return byName;
  }

  #nameOf(one: unknown): string | null {
    if (typeof one !== "object" || one === null || Buffer.isBuffer(one)) return null;
    const fields = one as Fields;
    const field = names.find((name) => fields[name] !== undefined && fields[name] !== "" && fields[name] !== UUID_ZERO);
    if (field === undefined) return names.some((name) => name in fields) ? "no name" : null;
    const value = fields[field];
    if (field === "memberId") return this.#named("member", value);
    const topic = field === "topicId" ? this.#topics.get(value as string) : undefined;
    return this.#unprefixed(topic ?? (isName.test(String(value)) ? String(value) : `${field} ${String(value)}`));
  }

  #unprefixed(text: string): string {
    return text.replaceAll(`${this.#prefix}-`, "");
  }

  #fields(fields: Fields): Json {
    return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, this.normal(value, name)]));
  }

  #scalar(value: Json, field: string): Json {
    switch (field) {
      case "errorCode":
      case "topicConfigErrorCode":
        return errorName(value as number);
      case "port":
        return value === -1 ? value : `port of ${this.#ports.get(value as number) ?? "nobody"}`;
      case "clusterId":
        return value === "" ? value : "a cluster";
      case "controllerId":
        return (value as number) >= 0 ? "a broker" : value;
      case "topicId":
        return value === UUID_ZERO
          ? "no topic"
          : `id of ${this.#unprefixed(this.#topics.get(value as string) ?? "something")}`;
      case "memberId":
      case "leader":
        return value === "" ? value : this.#named("member", value);
      case "sessionId":
        return value === 0 ? value : this.#named("session", value);
      case "producerId":
        return (value as number) < 0 || (value as number) >= OWN_PRODUCERS ? value : "a producer";
      case "logAppendTimeMs":
        return value === -1 ? value : "a time";
      case "logDir":
        return "a directory";
      case "totalBytes":
      case "usableBytes":
        return value === -1 ? value : "a size";
      // What is said, and whether anything is, is a matter of taste.
      case "documentation":
      case "errorMessage":
      case "batchIndexErrorMessage":
        return "a text";
      default:
        return typeof value === "string" ? this.#unprefixed(value) : value;
    }
  }

  #named(kind: string, value: unknown): string {
    const known = this.#seen.get(value);
    if (known !== undefined) return known;
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    this.#seen.set(value, `${kind} ${count}`);
    return `${kind} ${count}`;
  }
}

/** Two topics of one name, as one that has the partitions of both; null: they are no such topics. */
function mergedLists(one: Json, other: Json): Json | null {
  if (!isTopic(one) || !isTopic(other)) return null;
  const field = partitionFields.find((name) => name in one && name in other);
  if (field === undefined) return null;
  const [mine, others] = [one[field], other[field]];
  if (!isTopic(mine) || !isTopic(others) || Object.keys(mine).some((name) => name in others)) return null;
  return { ...one, [field]: { ...mine, ...others } };
}

const partitionFields = ["partitionResponses", "partitions", "partitionResult"];
const isTopic = (value: Json | undefined): value is { readonly [name: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** One line per batch. With the broker's own time in it neither that nor the checksum can be equal. */
function recordsOf(bytes: Buffer): Json {
  const lines: string[] = [];
  let end = 0;
  for (const batch of batchesIn(bytes)) {
    end = batch.next;
    const { baseOffset, lastOffset, partitionLeaderEpoch, attributes, recordsCount, size } = batch;
    const time = batch.isLogAppendTime ? "a time" : `${batch.maxTimestamp} crc ${batch.crc}`;
    const producer = `${batch.producerId}/${batch.producerEpoch}/${batch.baseSequence}`;
    lines.push(
      `${baseOffset}..${lastOffset} of ${recordsCount} epoch ${partitionLeaderEpoch} attributes ${attributes} ` +
        `producer ${producer} ${size} bytes ${time}`,
    );
  }
  if (end < bytes.length) lines.push(`${bytes.length - end} bytes of no whole batch`);
  return lines;
}
