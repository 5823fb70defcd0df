import type { Kv, KvRange, KvWrite } from "@odradek/kit";

import type { Snapshot, SnapshotInfo } from "../write.ts";
import { digestOf } from "../write.ts";
import { seal, unseal } from "./sealed.ts";
import { single } from "./single.ts";

/*
 * snapshot: the last one, in chunks.
 * Key:   0x04                     Value: sealed JSON {info, chunks}
 * Key:   0x05 number(u32)         Value: sealed bytes
 */
const head = single<{ info: SnapshotInfo; chunks: number }>(0x04);
const chunkTag = 0x05;
const chunkBytes = 256 * 1024;

/** All rows of it. */
export const snapshotRange: KvRange = { from: Buffer.from([0x04]), below: Buffer.from([0x06]) };

function chunkKey(number: number): Buffer {
  const key = Buffer.alloc(5);
  key.writeUInt8(chunkTag);
  key.writeUInt32BE(number, 1);
  return key;
}

/** Replaces the snapshot that is there. */
export function putSnapshot(kv: Kv, snapshot: Snapshot): KvWrite[] {
  const before = head.read(kv);
  const chunks = Math.ceil(snapshot.data.length / chunkBytes);
  const writes: KvWrite[] = [head.put({ info: snapshot.info, chunks })];
  for (let number = 0; number < chunks; number++) {
    const key = chunkKey(number);
    const chunk = snapshot.data.subarray(number * chunkBytes, (number + 1) * chunkBytes);
    writes.push({ is: "put", key, value: seal(key, chunk) });
  }
  const old = before.is === "value" ? before.value.chunks : 0;
  for (let number = chunks; number < old; number++) writes.push({ is: "delete", key: chunkKey(number) });
  return writes;
}

/** The kept snapshot when there is one and every byte of it is right. */
export function readSnapshot(kv: Kv): Snapshot | null {
  const found = head.read(kv);
  if (found.is !== "value") return null;
  const parts: Buffer[] = [];
  for (let number = 0; number < found.value.chunks; number++) {
    const key = chunkKey(number);
    const sealed = kv.get(key);
    const chunk = sealed && unseal(key, sealed);
    if (!chunk) return null;
    parts.push(chunk);
  }
  const { info } = found.value;
  const data = Buffer.concat(parts);
  return data.length === info.bytes && digestOf(data).equals(info.digest) ? { info, data } : null;
}
