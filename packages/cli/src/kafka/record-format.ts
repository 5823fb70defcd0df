import { Failure } from "../terminal/failure.ts";

export type ShownRecord = {
  topic: string;
  partition: number;
  offset: number;
  timestamp: number;
  key: Buffer | null;
  value: Buffer | null;
  headers: Record<string, Buffer | null> | readonly { key: string; value: Buffer | null }[];
};

type Piece = (record: ShownRecord) => Buffer;

const fields: Record<string, Piece> = {
  t: ({ topic }) => Buffer.from(topic),
  p: ({ partition }) => Buffer.from(String(partition)),
  o: ({ offset }) => Buffer.from(String(offset)),
  T: ({ timestamp }) => Buffer.from(String(timestamp)),
  k: ({ key }) => key ?? Buffer.alloc(0),
  v: ({ value }) => value ?? Buffer.alloc(0),
  s: ({ value }) => value ?? Buffer.alloc(0),
  h: ({ headers }) =>
    Buffer.from(
      headerPairs(headers)
        .map(([key, value]) => `${key}=${value}`)
        .join(","),
    ),
  "%": () => Buffer.from("%"),
};

const escapes: Record<string, string> = { n: "\n", t: "\t", r: "\r", "0": "\0", "\\": "\\" };

/**
 * `%t` topic, `%p` partition, `%o` offset, `%T` timestamp (ms), `%k` key, `%v` or `%s` value, `%h` headers, `%%`;
 * `\n`, `\t`, `\r`, `\0`. Keys and values come out byte for byte.
 */
export function recordFormat(format: string): (record: ShownRecord) => Buffer {
  const pieces = [...format.matchAll(/%(.)|\\(.)|[^%\\]+|[%\\]$/gs)].map(([all, field, escape]): Piece => {
    if (field !== undefined) {
      const piece = fields[field];
      if (!piece) throw new Failure("usage", `%${field} is no field: %t %p %o %T %k %v %s %h %%`);
      return piece;
    }
    const literal = Buffer.from(escape === undefined ? all : (escapes[escape] ?? `\\${escape}`));
    return () => literal;
  });
  return (record) => Buffer.concat(pieces.map((piece) => piece(record)));
}

/** A record as one JSON object; bytes that are not UTF-8 come as `{"base64": …}`. */
export function recordJson({ topic, partition, offset, timestamp, key, value, headers }: ShownRecord): object {
  const pairs = Array.isArray(headers)
    ? headers.map((header: { key: string; value: Buffer | null }) => [header.key, text(header.value)])
    : Object.entries(headers).map(([name, content]) => [name, text(content as Buffer | null)]);
  return {
    topic,
    partition,
    offset,
    timestamp,
    key: text(key),
    value: text(value),
    headers: Object.fromEntries(pairs),
  };
}

function headerPairs(headers: ShownRecord["headers"]): [string, string][] {
  if (Array.isArray(headers)) return headers.map(({ key, value }) => [key, value?.toString() ?? ""]);
  return Object.entries(headers).map(([key, value]) => [key, (value as Buffer | null)?.toString() ?? ""]);
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function text(bytes: Buffer | null): string | null | { base64: string } {
  if (bytes === null) return null;
  try {
    return decoder.decode(bytes);
  } catch {
    return { base64: bytes.toString("base64") };
  }
}
