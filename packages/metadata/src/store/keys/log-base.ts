import type { Position } from "../entry.ts";
import { single } from "./single.ts";

/*
 * log base: the position before the first log record; absent while the log begins at 1.
 * Key:   0x03
 * Value: sealed JSON {index, term, hash}
 */
export const logBase = single<Position>(0x03);
