import type { SimPool } from "./pool.ts";

/**
 * The fewest faults of a failing seed with which it still fails, by delta debugging: halves are left out, then quarters, then single ones.
 * Null: it does not fail with all of them.
 */
export async function shrink(pool: SimPool, seed: number, planned: number): Promise<number[] | null> {
  let kept = Array.from({ length: planned }, (_, at) => at);
  if (!(await fails(pool, seed, kept))) return null;
  for (let parts = 2; kept.length > 0 && parts <= 2 * kept.length;) {
    const size = Math.ceil(kept.length / parts);
    let isShorter = false;
    for (let at = 0; at < kept.length;) {
      const rest = [...kept.slice(0, at), ...kept.slice(at + size)];
      if (await fails(pool, seed, rest)) {
        kept = rest;
        isShorter = true;
      } else at += size;
    }
    if (!isShorter) parts *= 2;
    else parts = Math.max(2, Math.min(parts, kept.length));
  }
  return kept;
}

async function fails(pool: SimPool, seed: number, only: number[]): Promise<boolean> {
  let failure: string | null = null;
  await pool.run([{ seed, only, twice: false }], (result) => void (failure = result.failure));
  return failure !== null;
}
