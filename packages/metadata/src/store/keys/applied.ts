import { single } from "./single.ts";

/*
 * applied: up to which entry the state machine's rows (tags 0x40 to 0x7f) have come, and their digest; written in one batch with them.
 * Key:   0x06
 * Value: sealed JSON {index, digest}
 */
export const applied = single<{ index: number; digest: Buffer }>(0x06);
