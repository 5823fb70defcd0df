import type { OutputOptions } from "../../terminal/output.ts";
import type { StoreSession } from "../past.ts";
import { fitting } from "../path.ts";
import { resolvePath } from "./words.ts";

/** Where a shell is, and what its commands work with. */
export type Place = {
  readonly session: StoreSession;
  readonly output: OutputOptions;
  /** The path that relative ones start from. */
  directory: string;
  /** A watch ends with it. */
  readonly interruption: AbortSignal;
  readonly timeoutMs: number;
};

/** The path a word means here; without a word, here. */
export const pathAt = (place: Pick<Place, "directory">, word = "."): string =>
  fitting(resolvePath(place.directory, word));
