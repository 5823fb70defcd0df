import { type OpenFile, silentLogger } from "@odradek/kit";
import { MemoryFiles, MemoryKv, SeededRandom } from "@odradek/kit/testing";
import { expect, test } from "vitest";

import { broken, fillStore, nothing, open, type Promised } from "../testing/stored-node.ts";
import { beginning, entryAfter } from "./entry.ts";
import { logKey } from "./keys/log-record.ts";
import { openStore } from "./open-store.ts";
import { digestOf } from "./write.ts";

type Filled = { rows: ReadonlyMap<string, Buffer>; mark: Buffer; promised: Promised };

const markPath = "/raft/raft-mark";

async function filled(): Promise<Filled> {
  const kv = new MemoryKv();
  const files = new MemoryFiles();
  const promised = await fillStore(kv, files);
  return { rows: kv.crash(new SeededRandom(1)), mark: files.readAll(markPath)!, promised };
}

/** Opens a store on these rows and this mark; null: no mark at all. */
async function reopen(rows: ReadonlyMap<string, Buffer>, mark: Buffer | null): ReturnType<typeof open> {
  return open(new MemoryKv({ rows }), filesWith(mark));
}

function filesWith(mark: Buffer | null): MemoryFiles {
  const files = new MemoryFiles();
  files.makeDirectory("/raft");
  if (mark) files.open(markPath, { create: true }).write([mark], 0);
  return files;
}

function flipped(bytes: Buffer, bit: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[bit >> 3]! ^= 1 << (bit & 7);
  return changed;
}

test("everything written is found again", async () => {
  const { rows, mark, promised } = await filled();
  const kv = new MemoryKv({ rows });
  const opened = await open(kv, filesWith(mark));
  expect(await broken(opened, kv, promised)).toBeNull();
  expect(opened.restored).toMatchObject({ hard: promised.hard, base: promised.base, snapshotIndex: 15 });
  expect(opened.restored.entries).toEqual(promised.entries);
});

test("a start that fails leaves no file open", async () => {
  const { rows, mark } = await filled();
  let opened = 0;
  class CountedFiles extends MemoryFiles {
    override open(path: string, options?: { create?: boolean }): OpenFile {
      const file = super.open(path, options);
      const close = file.close.bind(file);
      opened++;
      return Object.assign(file, { close: () => (opened--, close()) });
    }
  }
  const start = (id: number, alone: boolean, files = new CountedFiles()): Promise<unknown> => {
    files.makeDirectory("/raft");
    const file = files.open(markPath, { create: true });
    file.write([mark], 0);
    file.close();
    const kv = new MemoryKv({ rows: new Map([...rows].slice(0, 3)) });
    return openStore({ kv, files, directory: "/raft", random: new SeededRandom(1), logger: silentLogger, id, alone });
  };
  await expect(start(2, false)).rejects.toThrow("is the disk of member 1");
  await expect(start(1, true)).rejects.toThrow("there is no other member");
  const files = new CountedFiles();
  files.failNextSync({ path: "raft" });
  await expect(start(1, false, files)).rejects.toThrow(/EIO/);
  expect(opened).toBe(0);
});

test("R-21: a flipped bit in any row is noticed: every promise is there, or the node grants no vote", async () => {
  const { rows, mark, promised } = await filled();
  const random = new SeededRandom(21);
  let recovering = 0;
  for (const [name, value] of rows) {
    for (let at = 0; at < 40; at++) {
      const kv = new MemoryKv({
        rows: new Map(rows).set(name, flipped(value, Math.floor(random.next() * value.length * 8))),
      });
      const opened = await open(kv, filesWith(mark));
      if (opened.restored.hard.standing === "recovering") recovering++;
      else
        expect(
          await broken(opened, kv, promised),
          `a bit of ${Buffer.from(name, "latin1").toString("hex")}`,
        ).toBeNull();
    }
  }
  expect(recovering).toBeGreaterThan(100);
});

test("R-21: rows that vanish, one or a whole range, are noticed", async () => {
  const { rows, mark, promised } = await filled();
  const names = [...rows.keys()].toSorted();
  for (let from = 0; from < names.length; from++) {
    for (const count of [1, 2, 5, names.length - from]) {
      const left = new Map(rows);
      for (const name of names.slice(from, from + count)) left.delete(name);
      const kv = new MemoryKv({ rows: left });
      const opened = await open(kv, filesWith(mark));
      if (opened.restored.hard.standing === "recovering") continue;
      expect(await broken(opened, kv, promised), `rows ${from} to ${from + count}`).toBeNull();
    }
  }
});

test("R-22: a mark with any flipped bit, or cut anywhere, is noticed or was not needed", async () => {
  const { rows, mark, promised } = await filled();
  const random = new SeededRandom(22);
  const injured = Array.from({ length: 300 }, () => flipped(mark, Math.floor(random.next() * mark.length * 8)));
  for (let length = 0; length < mark.length; length += 97) injured.push(mark.subarray(0, length));
  for (const bytes of injured) {
    const kv = new MemoryKv({ rows });
    const opened = await open(kv, filesWith(bytes));
    if (opened.restored.hard.standing === "recovering") continue;
    expect(await broken(opened, kv, promised)).toBeNull();
  }
});

test("R-23: an emptied or older store beside its mark grants no vote", async () => {
  const { rows, mark } = await filled();
  expect((await reopen(new Map(), mark)).restored.hard.standing).toBe("recovering");
  const older = new MemoryKv();
  const { store } = await open(older, new MemoryFiles());
  const entry = entryAfter(beginning, { term: 1, is: "data", data: Buffer.from("line 1") });
  const hard = { term: 1, vote: 1, standing: "voter" as const, cluster: null, floor: null };
  await store.write({ ...nothing, sequence: 1, hard, entries: [entry] });
  expect((await reopen(older.crash(), mark)).restored.hard.standing).toBe("recovering");
  expect((await reopen(rows, null)).restored.hard.standing).toBe("recovering");
});

test("R-21: a hole in the log is no doubt about the promises: the mark says how far they go; without it nobody knows", async () => {
  const { rows, mark } = await filled();
  const holed = new Map([...rows].filter(([key]) => key !== logKey(12).toString("latin1")));
  const { hard } = (await reopen(holed, mark)).restored;
  expect(hard).toMatchObject({ standing: "recovering", floor: { term: 3, index: 20 }, term: 3, vote: 2 });
  const both = new MemoryKv({ rows: holed });
  const files = filesWith(mark);
  await open(both, files);
  expect((await open(both, files)).restored.hard).toEqual(hard);
  expect((await reopen(rows, null)).restored.hard.floor).toBeNull();
  const newest = mark.readUIntBE(8, 6) > mark.readUIntBE(4096 + 8, 6) ? 0 : 4096;
  const torn = Buffer.from(mark).fill(0, newest, newest + 4096);
  expect((await reopen(holed, torn)).restored.hard).toMatchObject({ standing: "recovering", floor: null });
});

test("R-23: the disk of another member is refused", async () => {
  const { rows, mark } = await filled();
  const options = { kv: new MemoryKv({ rows }), files: filesWith(mark), directory: "/raft" };
  const opening = openStore({ ...options, random: new SeededRandom(1), logger: silentLogger, id: 2, alone: false });
  await expect(opening).rejects.toThrow("/raft is the disk of member 1, and this is member 2");
});

test("an empty disk is empty, and stays so until something is promised", async () => {
  const kv = new MemoryKv();
  const files = new MemoryFiles();
  const { restored } = await open(kv, files);
  expect(restored.hard).toEqual({ term: 0, vote: null, standing: "empty", cluster: null, floor: null });
  expect(kv.keys()).toEqual([]);
  expect((await open(kv, files)).restored.hard.standing).toBe("empty");
});

test("a node stays recovering over restarts", async () => {
  const { mark } = await filled();
  const kv = new MemoryKv();
  const files = filesWith(mark);
  expect((await open(kv, files)).restored.hard.standing).toBe("recovering");
  const again = await open(kv, files);
  expect(again.restored.hard).toMatchObject({ standing: "recovering", term: 3 });
});

test("damaged state rows are made again from the snapshot and the log", async () => {
  const { rows, mark } = await filled();
  const opened = await reopen(new Map(rows).set("Alast", Buffer.from("16")), mark);
  expect(opened.restored.hard.standing).toBe("voter");
  expect(opened.rebuildFrom?.data.toString()).toBe("the state after entry 15");
  expect(opened.restored.applied).toBe(15);
});

test("R-11: a snapshot replaces log and state in one step, wherever power is lost", async () => {
  const { rows, mark, promised } = await filled();
  const seen = new Set<number>();
  for (let seed = 1; seed <= 40; seed++) {
    const waiting: (() => void)[] = [];
    const kv = new MemoryKv({ rows, disk: (_batch, run) => waiting.push(run) });
    const files = filesWith(mark);
    const opening = open(kv, files);
    await drain(waiting);
    const { store } = await opening;
    const data = Buffer.from("the state after entry 40");
    const { digest, ...info } = {
      ...promised.entries[0]!,
      index: 40,
      term: 3,
      cluster: promised.hard.cluster!,
      bytes: data.length,
      digest: digestOf(data),
    };
    const row = { is: "put" as const, key: Buffer.from("B"), value: Buffer.from("new") };
    void store
      .write({ ...nothing, sequence: 1, install: { snapshot: { info: { ...info, digest }, data }, writes: [row] } })
      .catch(() => {});
    await settled();
    if (seed % 2 === 0) await drain(waiting);
    const after = kv.crash(new SeededRandom(seed));
    files.kill();
    const opened = await open(new MemoryKv({ rows: after }), files);
    expect(opened.restored.hard.standing).toBe("voter");
    expect(opened.rebuildFrom).toBeNull();
    seen.add(opened.restored.applied);
    expect(after.has("B")).toBe(opened.restored.applied === 40);
    expect(opened.restored.base.index).toBe(opened.restored.applied === 40 ? 40 : 10);
  }
  expect([...seen].toSorted((a, b) => a - b)).toEqual([15, 40]);
});

test("after a failed write nothing is written any more", async () => {
  const kv = new MemoryKv();
  const { store } = await open(kv, new MemoryFiles());
  const hard = { term: 1, vote: 1, standing: "voter" as const, cluster: null, floor: null };
  kv.failNextBatch();
  await expect(store.write({ ...nothing, sequence: 1, hard })).rejects.toThrow("writing to the metadata store failed");
  await expect(store.apply(1, [])).rejects.toThrow("writing to the metadata store failed");
});

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function drain(waiting: (() => void)[]): Promise<void> {
  await settled();
  while (waiting.length > 0) {
    waiting.shift()!();
    await settled();
  }
}
