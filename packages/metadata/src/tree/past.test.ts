import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { answerLog } from "../api/reading.ts";
import type { ServerFrame, WireZnode } from "../client/frames.ts";
import { toWireZnode } from "../client/wire.ts";
import { limits } from "../limits.ts";
import { Bench, create, run, step } from "../testing/tree-bench.ts";
import { stateFrom } from "./keys/state.ts";
import { TreeStateMachine } from "./machine.ts";
import { pastOf } from "./past.ts";
import type { TreeState } from "./state.ts";
import type { Node } from "./znode.ts";

type Picture = { nodes: WireZnode[]; names: string[][] };

const paths = ["/", "/a", "/a/b", "/a/b/c", "/b", "/b/s-", "/b/s-0000000000", "/b/s-0000000001"];

type Readable = { node(path: string): Node | null | undefined; children(path: string): string[] };

function picture(tree: Readable): Picture {
  const nodes = paths.flatMap((path) => tree.node(path) ?? []).map(toWireZnode);
  return { nodes, names: paths.map((path) => tree.children(path)) };
}

/** Everything that the history tells: each revision's event, and who made it. */
function told(state: TreeState): unknown[] {
  return state.history.after(state.history.oldest)!.map((changes) => ({
    ...changes,
    changed: changes.changed.map(toWireZnode),
    before: changes.before.map(toWireZnode),
  }));
}

const everything = { number: 1, path: "/", recursive: true, afterPath: "", sinceMs: 0 };

function rows(frame: ServerFrame) {
  if (frame.is !== "logPage") throw new Error(`not a page: ${frame.is}`);
  return frame.logPage;
}

describe("the past", () => {
  it("R-26: every revision since the last compaction reads as it was, also after a restart and from a snapshot", () => {
    const steps = fc.array(fc.tuple(step, fc.integer({ min: -5, max: 20 }), fc.nat(9)), { maxLength: 60 });
    fc.assert(
      fc.property(steps, (each) => {
        const bench = new Bench();
        const pictures = new Map([[0, picture(bench.machine.state)]]);
        for (const [what, passedMs, compaction] of each) {
          bench.timeMs = Math.max(0, bench.timeMs + passedMs);
          run(bench, what);
          const { revision } = bench.machine.state;
          // A reader may have the oldest revision in hand when it is compacted.
          const { oldest } = bench.machine.state.history;
          expect(picture(pastOf(bench.machine.state, oldest)!)).toEqual(pictures.get(oldest));
          if (compaction < 3) bench.apply({ is: "compact", through: Math.max(0, revision - compaction) });
          expect(pastOf(bench.machine.state, oldest) === null).toBe(oldest < bench.machine.state.history.oldest);
          pictures.set(revision, picture(bench.machine.state));
        }
        const reloaded = stateFrom(bench.stored.values());
        const restored = new TreeStateMachine();
        restored.restore(bench.machine.snapshot());
        for (const state of [bench.machine.state, reloaded, restored.state]) {
          const { oldest } = state.history;
          for (let revision = 0; revision <= state.revision; revision++) {
            const past = pastOf(state, revision);
            if (revision < oldest) expect(past).toBeNull();
            else expect(picture(past!)).toEqual(pictures.get(revision));
          }
          expect(pastOf(state, state.revision + 1)).toBeNull();
          expect(told(state)).toEqual(told(bench.machine.state));
          expect(state.timeMs).toBe(bench.machine.state.timeMs);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("tells who changed what and when, and a clock that goes back does not", () => {
    const bench = new Bench();
    bench.apply({ is: "attach", session: "s", epoch: 1, create: true, timeoutMs: 6000, name: "broker-1" });
    bench.timeMs = 1000;
    bench.request("s", 1, [create("/a"), create("/e", true)]);
    bench.timeMs = 500;
    bench.request("s", 2, [{ is: "set", path: "/a", version: "any", data: Buffer.from("w") }]);
    bench.timeMs = 2000;
    bench.end("s", true);
    const who = { session: "s", name: "broker-1" };
    const all = rows(answerLog(bench.machine.state, everything));
    expect(all).toEqual({
      number: 1,
      last: true,
      rows: [
        { ...who, revision: 1, timeMs: 1000, kind: "created", path: "/a", version: 1 },
        { ...who, revision: 1, timeMs: 1000, kind: "created", path: "/e", version: 1 },
        { ...who, revision: 2, timeMs: 1000, kind: "set", path: "/a", version: 2 },
        { ...who, revision: 3, timeMs: 2000, kind: "expired", path: "/e", version: 1 },
      ],
    });
    const since = (options: object) =>
      rows(answerLog(bench.machine.state, { ...everything, ...options })).rows.map(({ revision }) => revision);
    expect(since({ sinceMs: 1001 })).toEqual([3]);
    expect(since({ afterRevision: 1, path: "/a" })).toEqual([2]);
    expect(since({ path: "/", recursive: false })).toEqual([]);
  });

  it("comes in pages that leave nothing out, also within one revision", () => {
    const bench = new Bench();
    const names = Array.from({ length: limits.operationsMax - 1 }, (_, at) => at);
    for (const top of ["/p", "/q", "/r"])
      bench.multi("s", [create(top), ...names.map((name) => create(`${top}/${name}`))]);
    bench.multi("s", [{ is: "delete", path: "/p", version: "any", recursive: true }]);
    const { state } = bench.machine;
    const first = rows(answerLog(state, everything));
    expect(first).toMatchObject({ last: false });
    expect(first.rows).toHaveLength(limits.logRowsMax);
    const { revision, path } = first.rows.at(-1)!;
    const second = rows(answerLog(state, { ...everything, afterRevision: revision - 1, afterPath: path }));
    const seen = [...first.rows, ...second.rows].map((row) => `${row.revision} ${row.path}`);
    expect(second.last).toBe(true);
    expect(new Set(seen).size).toBe(4 * limits.operationsMax);
  });

  it("C-07: names the oldest revision that can be read when an older one is asked for", () => {
    const bench = new Bench();
    for (const path of ["/a", "/b", "/c"]) bench.multi("s", [create(path)]);
    bench.apply({ is: "compact", through: 2 });
    const log = (afterRevision: number) => answerLog(bench.machine.state, { ...everything, afterRevision });
    expect(log(1)).toEqual({ is: "unreadable", unreadable: { number: 1, oldest: 2, newest: 3 } });
    expect(log(4)).toMatchObject({ is: "unreadable" });
    expect(rows(log(2)).rows).toMatchObject([{ path: "/c" }]);
    expect(stateFrom(bench.stored.values()).history.oldest).toBe(2);
  });

  it("is bounded by bytes, forgets the oldest first, and never the newest", () => {
    const bench = new Bench();
    bench.multi("s", [create("/a")]);
    const writes = Math.ceil(limits.historyBytesMax / limits.nodeBytesMax) + 3;
    for (let at = 0; at < writes; at++)
      bench.multi("s", [{ is: "set", path: "/a", version: "any", data: Buffer.alloc(limits.nodeBytesMax, at) }]);
    const { history, revision } = bench.machine.state;
    expect(history.newest).toBe(revision);
    const kept = [...bench.stored.values()].filter(([key]) => key[0] === 0x44);
    expect(kept).toHaveLength(history.size);
    expect(kept.reduce((sum, [, value]) => sum + value.length, 0)).toBeLessThanOrEqual(limits.historyBytesMax);
    expect(pastOf(bench.machine.state, revision - 2)?.node("/a")?.data[0]).toBe((writes - 3) & 0xff);
  });

  it("keeps bytes of its own: neither what it was made from nor what it gives out can change it", () => {
    const bench = new Bench();
    const data = Buffer.from("own");
    bench.multi("s", [{ is: "create", path: "/a", data }]);
    const snapshot = bench.machine.snapshot();
    const restored = new TreeStateMachine();
    restored.restore(snapshot);
    for (const bytes of [data, snapshot, bench.machine.state.node("/a")!.data]) bytes.fill(0);
    for (const { state } of [bench.machine, restored]) expect(state.node("/a")?.data.toString()).toBe("own");
  });

  it("R-27: refuses a write that would replace more than the history may keep", () => {
    const bench = new Bench();
    bench.multi("s", [create("/p")]);
    const count = limits.replacedBytesMax / limits.nodeBytesMax;
    for (let at = 0; at < count; at++)
      bench.multi("s", [{ is: "create", path: `/p/${at}`, data: Buffer.alloc(limits.nodeBytesMax) }]);
    const remove = { is: "delete", path: "/p", version: "any", recursive: true } as const;
    expect(bench.multi("s", [remove]).reply).toMatchObject({ answer: { is: "failed", failure: "TOO_LARGE" } });
    bench.multi("s", [{ is: "delete", path: "/p/0", version: "any" }]);
    expect(bench.multi("s", [remove]).reply).toMatchObject({ answer: { is: "done" } });
  });
});
