import fc from "fast-check";
import { expect, test } from "vitest";
import { partitionOfKey } from "@odradek/protocol";
import { OffsetMap } from "./offset-map.ts";

test("it says what a Map says, whatever the keys", () => {
  const key = fc.oneof(fc.uint8Array({ maxLength: 3 }), fc.uint8Array({ maxLength: 3000 }));
  fc.assert(
    fc.property(fc.array(key, { maxLength: 500 }), (keys) => {
      const map = new OffsetMap(1024 * 1024);
      const model = new Map<string, number>();
      for (const [offset, bytes] of keys.entries()) {
        map.put(Buffer.from(bytes), offset);
        model.set(Buffer.from(bytes).toString("hex"), offset);
      }
      expect(map.count).toBe(model.size);
      for (const [hex, offset] of model) expect(map.get(Buffer.from(hex, "hex"))).toBe(offset);
      expect(map.get(Buffer.from("a key that nobody has put"))).toBe(-1);
    }),
  );
});

test("keys of one partition spread, a key larger than a block is kept, and it is full when its bytes are used", () => {
  const map = new OffsetMap(8 * 1024 * 1024);
  const large = Buffer.alloc(3 * 1024 * 1024, 7);
  map.put(large, 1);
  let put = 0;
  for (let n = 0; !map.isFull; n++) {
    const key = Buffer.from(`key-${n}`);
    if (partitionOfKey(key, 4) !== 3) continue;
    map.put(key, n);
    put++;
  }
  expect(put).toBeGreaterThan(50_000);
  expect(map.get(large)).toBe(1);
});
