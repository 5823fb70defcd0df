import { single } from "./single.ts";

/*
 * applied: up to which entry the state machine's rows (tags 0x40 to 0x7f) have come, and their digest; written in one batch with them.
 * A build that makes digests otherwise finds a wrong one, and makes the rows again from snapshot and log, as of damaged ones.
 * Key:   0x06
 * Value: sealed JSON {index, digest}
 */
export const applied = single<{ index: number; digest: Buffer }>(0x06);
