import { Session } from "node:inspector";

type Range = { readonly startOffset: number; readonly endOffset: number; readonly count: number };
type ScriptCoverage = { readonly url: string; readonly functions: readonly { readonly ranges: readonly Range[] }[] };

/** Places in the code: functions, and offsets in them. */
export type Places = ReadonlyMap<string, readonly number[]>;

const session = new Session();
session.connect();
post("Profiler.enable");
// Only functions compiled from now on are counted block by block, and only as long as counting goes on: import this file first.
post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });

/**
 * Which code ran since the last look, as V8 itself counts its blocks. A look costs a millisecond whatever ran in between, so many
 * executions share one; counting makes the code a third slower. No source is rewritten.
 */
export class Coverage {
  readonly #isWatched: (url: string) => boolean;
  /** Per function a byte for each character of its source: 1 where it ran. */
  readonly #known = new Map<string, Uint8Array>();
  #characters = 0;

  /** `isWatched`: the files whose code counts. */
  constructor(isWatched: (url: string) => boolean) {
    this.#isWatched = isWatched;
    this.look();
  }

  /** Characters of source known to run. */
  get characters(): number {
    return this.#characters;
  }

  /** What ran since the last look and is not known yet. */
  look(): Places {
    const places = new Map<string, number[]>();
    const { result } = post("Profiler.takePreciseCoverage") as { result: ScriptCoverage[] };
    for (const { url, functions } of result) {
      if (!this.#isWatched(url)) continue;
      for (const { ranges } of functions) {
        if (ranges[0]!.count === 0) continue;
        const name = `${url}:${ranges[0]!.startOffset}-${ranges[0]!.endOffset}`;
        const unknown = this.#unknownIn(name, ranges);
        if (unknown.length > 0) places.set(name, unknown);
      }
    }
    return places;
  }

  /** From now on these are known. */
  learn(places: Places): void {
    for (const [name, offsets] of places) {
      const known = this.#known.get(name)!;
      for (const offset of offsets) {
        if (known[offset] === 0) this.#characters++;
        known[offset] = 1;
      }
    }
  }

  /** Those of these that nobody has learned meanwhile. */
  unknownOf(places: Places): Places {
    const unknown = new Map<string, readonly number[]>();
    for (const [name, offsets] of places) {
      const known = this.#known.get(name)!;
      const left = offsets.filter((offset) => known[offset] === 0);
      if (left.length > 0) unknown.set(name, left);
    }
    return unknown;
  }

  /** Ranges are nested, outer ones first; one that ran as often as the one around it is left out. The innermost says whether a place ran. */
  #unknownIn(name: string, ranges: readonly Range[]): number[] {
    const { startOffset: origin, endOffset } = ranges[0]!;
    const ran = new Uint8Array(endOffset - origin);
    for (const { startOffset, endOffset: end, count } of ranges)
      ran.fill(count > 0 ? 1 : 0, startOffset - origin, end - origin);
    let known = this.#known.get(name);
    if (known === undefined) this.#known.set(name, (known = new Uint8Array(ran.length)));
    const unknown: number[] = [];
    for (let at = 0; at < ran.length; at++) if (ran[at] === 1 && known[at] === 0) unknown.push(at);
    return unknown;
  }
}

type Post = (method: string, parameters: object, done: (error: Error | null, result: unknown) => void) => void;

function post(method: string, parameters: object = {}): unknown {
  let answer: unknown;
  const failures: Error[] = [];
  // The session is of this very thread: the answer is there before `post` returns.
  (session.post.bind(session) as Post)(method, parameters, (error, result) => {
    if (error !== null) failures.push(error);
    answer = result;
  });
  for (const failure of failures) throw failure;
  return answer;
}
