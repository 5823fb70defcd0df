import type { Kv, KvWrite } from "@odradek/kit";

import { seal, unseal } from "./sealed.ts";

/** Rows of which there is one. Buffers inside are written as {"hex": …}. */
export type Single<T> = {
  read(kv: Pick<Kv, "get">): { is: "absent" } | { is: "damaged" } | { is: "value"; value: T };
  put(value: T): KvWrite;
  remove: KvWrite;
};

/** Value: sealed JSON. */
export function single<T>(tag: number): Single<T> {
  const key = Buffer.from([tag]);
  return {
    read(kv) {
      const sealed = kv.get(key);
      if (sealed === undefined) return { is: "absent" };
      const body = unseal(key, sealed);
      if (body === null) return { is: "damaged" };
      return { is: "value", value: fromJson(body.toString()) as T };
    },
    put: (value) => ({ is: "put", key, value: seal(key, Buffer.from(toJson(value))) }),
    remove: { is: "delete", key },
  };
}

/** JSON in which buffers are {"hex": …}. */
export const toJson = (value: unknown): string => JSON.stringify(plain(value));

export const fromJson = (json: string): unknown => JSON.parse(json, bufferFromHex);

/** Buffer.toJSON, which JSON.stringify calls before any replacer, is an array of numbers. */
function plain(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return { hex: value.toString("hex") };
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const made: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(value)) made[name] = plain(field);
  return made;
}

function bufferFromHex(_name: string, value: unknown): unknown {
  const made = value as { hex?: unknown } | null;
  return typeof made === "object" && typeof made?.hex === "string" ? Buffer.from(made.hex, "hex") : value;
}
