import type { Kv, KvWrite } from "@odradek/kit";

import { seal, unseal } from "./sealed.ts";

/** Rows of which there is one. Buffers inside are written as {"hex": …}. */
export type Single<T> = {
  read(kv: Kv): { is: "absent" } | { is: "damaged" } | { is: "value"; value: T };
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
      return { is: "value", value: JSON.parse(body.toString(), bufferFromHex) as T };
    },
    put: (value) => ({ is: "put", key, value: seal(key, Buffer.from(JSON.stringify(value, hexFromBuffer))) }),
    remove: { is: "delete", key },
  };
}

/** JSON.stringify hands over what Buffer.toJSON made of it. */
export function hexFromBuffer(_name: string, value: unknown): unknown {
  const made = value as { type?: string; data?: number[] } | null;
  if (typeof made === "object" && made?.type === "Buffer" && made.data)
    return { hex: Buffer.from(made.data).toString("hex") };
  return value;
}

export function bufferFromHex(_name: string, value: unknown): unknown {
  const made = value as { hex?: unknown } | null;
  return typeof made === "object" && typeof made?.hex === "string" ? Buffer.from(made.hex, "hex") : value;
}
