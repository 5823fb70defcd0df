import type { HardState } from "../write.ts";
import { single } from "./single.ts";

/*
 * hard state: the second copy of what the mark promises; never newer than the mark, so one that is shows that the mark was damaged.
 * Key:   0x02
 * Value: sealed JSON {term, vote, standing, cluster}
 */
export const hardState = single<HardState>(0x02);
