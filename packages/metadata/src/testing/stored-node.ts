import { type Files, type Kv, type KvWrite, silentLogger } from "@odradek/kit";
import { SeededRandom } from "@odradek/kit/testing";

import { beginning, type Entry, entryAfter, type Position } from "../store/entry.ts";
import { type OpenedStore, openStore } from "../store/open-store.ts";
import { digestOf, type HardState, type Write } from "../store/write.ts";

/** What a node has promised after `fillStore`: all of it must be there again, or the node must know that it is not. */
export type Promised = { hard: HardState; base: Position; entries: Entry[]; rows: Map<string, string> };

export const open = (kv: Kv, files: Files, directory = "/raft"): Promise<OpenedStore> =>
  openStore({ kv, files, directory, random: new SeededRandom(1), logger: silentLogger, id: 1, alone: false });

export const nothing: Omit<Write, "sequence"> = {
  hard: null,
  install: null,
  truncateTo: null,
  entries: [],
  compact: null,
};

const put = (key: string, value: string): KvWrite => ({
  is: "put",
  key: Buffer.from([0x41, ...Buffer.from(key)]),
  value: Buffer.from(value),
});

/** Votes, entries, state, a snapshot, a conflict: everything a store may hold. */
export async function fillStore(kv: Kv, files: Files, directory = "/raft"): Promise<Promised> {
  const { store } = await open(kv, files, directory);
  const cluster = { id: "test", members: [1, 2, 3] };
  const hard: HardState = { term: 3, vote: 2, standing: "voter", cluster, floor: null };
  const entries: Entry[] = [];
  const add = (term: number, line: string): Entry => {
    const entry = entryAfter(entries.at(-1) ?? beginning, { term, is: "data", data: Buffer.from(line) });
    entries.push(entry);
    return entry;
  };
  let sequence = 0;
  const write = (step: Partial<Write>): Promise<void> => store.write({ ...nothing, ...step, sequence: ++sequence });
  await write({ hard: { ...hard, term: 1, vote: 1 } });
  for (let at = 1; at <= 20; at++) void write({ entries: [add(1, `line ${at}`)] });
  for (let at = 1; at <= 15; at++) void store.apply(at, [put(String(at % 5), `row ${at}`), put("last", String(at))]);
  const data = Buffer.from("the state after entry 15");
  const { index, term, hash } = entries[14]!;
  const info = { index, term, hash, cluster, bytes: data.length, digest: digestOf(data) };
  const base = { index: 10, term: 1, hash: entries[9]!.hash };
  await write({ compact: { snapshot: { info, data }, base } });
  const kept = entries.splice(18).length;
  const truncateTo = { index: 18, term: 1, hash: entries[17]!.hash };
  await write({ hard, truncateTo, entries: Array.from({ length: kept }, (_, at) => add(3, `other ${at}`)) });
  await store.close();
  const rows = new Map([1, 2, 3, 4, 0].map((key) => [`A${key}`, `row ${key === 0 ? 15 : key + 10}`]));
  return { hard, base, entries: entries.slice(10), rows: rows.set("Alast", "15") };
}

/** Null: every promise is there. Else what is not. */
export async function broken(opened: OpenedStore, kv: Kv, promised: Promised): Promise<string | null> {
  const { restored, rebuildFrom } = opened;
  if (restored.hard.term !== promised.hard.term) return `term ${restored.hard.term}`;
  if (restored.hard.vote !== promised.hard.vote) return `vote ${restored.hard.vote}`;
  const { index: baseIndex } = restored.base;
  for (const entry of promised.entries) {
    const found = restored.entries[entry.index - baseIndex - 1];
    if (entry.index > baseIndex && !found?.hash.equals(entry.hash)) return `entry ${entry.index}`;
  }
  if (rebuildFrom) return rebuildFrom.data.toString() === "the state after entry 15" ? null : "snapshot";
  if (restored.applied !== 15) return `applied ${restored.applied}`;
  const rows = new Map<string, string>();
  for await (const [key, value] of kv.range({ from: Buffer.from([0x40]), below: Buffer.from([0x80]) }))
    rows.set(key.toString(), value.toString());
  for (const [key, value] of promised.rows) if (rows.get(key) !== value) return `row ${key}: ${rows.get(key)}`;
  return rows.size === promised.rows.size ? null : "rows that nobody wrote";
}
