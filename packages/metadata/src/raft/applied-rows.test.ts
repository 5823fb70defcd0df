import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { StateRow } from "../store/write.ts";
import { AppliedRows } from "./applied-rows.ts";

const key = (name: string): Buffer => Buffer.from(name);
const put = (name: string, value: string): StateRow => ({ is: "put", key: key(name), value: Buffer.from(value) });
const gone = (name: string): StateRow => ({ is: "delete", key: key(name) });

/** What rows make of a store, and whether each of them says truly what it replaces. */
function stored(before: ReadonlyMap<string, string>, rows: readonly StateRow[]): Map<string, string> {
  const store = new Map(before);
  for (const row of rows) {
    const name = row.key.toString();
    if (row.before !== undefined) expect(row.before?.toString()).toBe(store.get(name));
    if (row.is === "put") store.set(name, row.value.toString());
    else store.delete(name);
  }
  return store;
}

describe("rows that were applied and are not stored yet", () => {
  it("are stored once, as they are after the last entry", () => {
    const rows = new AppliedRows();
    rows.add(1, [put("revision", "1"), put("a", "x")]);
    rows.add(2, [put("revision", "2")]);
    expect(rows.take()).toEqual({ index: 2, writes: [put("revision", "2"), put("a", "x")] });
    expect(rows.take()).toBeNull();
  });

  it("are forgotten when they came and went, but not when the store may have had them", () => {
    const rows = new AppliedRows();
    rows.add(1, [{ ...put("answer", "1"), before: null }, put("node", "1")]);
    rows.add(2, [gone("answer"), gone("node")]);
    expect(rows.take()).toEqual({ index: 2, writes: [gone("node")] });
  });

  it("are gone when a snapshot has replaced the state", () => {
    const rows = new AppliedRows();
    rows.add(1, [put("a", "x")]);
    rows.drop();
    expect(rows.take()).toBeNull();
  });

  it("make of a store what all of them one after the other would", () => {
    const step = fc.record({
      name: fc.constantFrom("a", "b", "c"),
      value: fc.option(fc.string()),
      isKnown: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step), fc.array(fc.nat(4)), (steps, pauses) => {
        const rows = new AppliedRows();
        let truth = new Map<string, string>();
        let store = new Map<string, string>();
        for (const [at, { name, value, isKnown }] of steps.entries()) {
          const had = truth.get(name);
          const row = value === null ? gone(name) : put(name, value);
          const before = had === undefined ? null : Buffer.from(had);
          rows.add(at + 1, [isKnown ? { ...row, before } : row]);
          truth = stored(truth, [row]);
          if (pauses[at] !== 0) continue;
          store = stored(store, rows.take()!.writes);
          expect(store).toEqual(truth);
        }
        expect(stored(store, rows.take()?.writes ?? [])).toEqual(truth);
      }),
    );
  });
});
