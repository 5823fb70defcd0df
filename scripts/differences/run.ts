import type { AnyApi } from "@odradek/protocol";
import type { Case } from "./case.ts";
import { compare } from "./compare.ts";
import { Stage, type Transcript } from "./stage.ts";
import type { System } from "./system.ts";

/** One thing that two systems answer differently, in these versions. */
export type Found = {
  readonly case: string;
  /** What was asked. */
  readonly label: string;
  readonly path: string;
  readonly ours: string;
  readonly theirs: string;
  readonly versions: number[];
};

export type Report = { readonly answers: number; readonly found: readonly Found[]; readonly failed: readonly string[] };

export type RunOptions = {
  readonly ours: System;
  readonly theirs: System;
  readonly cases: readonly Case[];
  /** Names what is made on both systems. */
  readonly prefix: string;
  /** Only the first and the last version of each API. */
  readonly onlyEnds: boolean;
  readonly log: (line: string) => void;
};

/** Plays every case on both systems, at every version that both serve. */
export async function run({ ours, theirs, cases, prefix, onlyEnds, log }: RunOptions): Promise<Report> {
  const found = new Map<string, Found>();
  const failed: string[] = [];
  let answers = 0;
  let stages = 0;
  for (const one of cases) {
    const versions = versionsOf(one, ours, theirs);
    if (versions.length === 0) failed.push(`${one.name}: no version that both serve`);
    for (const version of onlyEnds && versions.length > 2 ? [versions[0]!, versions.at(-1)!] : versions) {
      const name = `${prefix}-${++stages}`;
      const played = await Promise.allSettled([ours, theirs].map((system) => play(one, version, system, name)));
      const [mine, other] = played.map((each) => (each.status === "fulfilled" ? each.value : null));
      for (const [at, each] of played.entries())
        if (each.status === "rejected")
          failed.push(`${one.name} v${version} on ${at === 0 ? "ours" : "the other"}: ${each.reason}`);
      if (!mine || !other) continue;
      answers += mine.size;
      collect(found, one, version, mine, other);
    }
    log(one.name);
  }
  return { answers, found: [...found.values()], failed };
}

/** The versions of a case that both systems serve. */
function versionsOf({ api, versions: [first, last] }: Case, ours: System, theirs: System): number[] {
  const ranges = [api.versions, ours.versions.get(api.key), theirs.versions.get(api.key)];
  const from = Math.max(first, ...ranges.map((range) => range?.[0] ?? Infinity));
  const to = Math.min(last, ...ranges.map((range) => range?.[1] ?? -Infinity));
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, at) => from + at);
}

async function play(one: Case, version: number, system: System, name: string): Promise<Transcript> {
  const stage = new Stage<AnyApi>(one.api, version, system, name);
  try {
    await one.play(stage);
  } finally {
    await stage.end();
  }
  return stage.transcript;
}

function collect(found: Map<string, Found>, one: Case, version: number, mine: Transcript, other: Transcript): void {
  for (const label of new Set([...mine.keys(), ...other.keys()]))
    for (const { path, ours, theirs } of compare(mine.get(label), other.get(label))) {
      const key = JSON.stringify([one.name, label, path, ours, theirs]);
      const known = found.get(key);
      if (known) known.versions.push(version);
      else found.set(key, { case: one.name, label, path, ours, theirs, versions: [version] });
    }
}
