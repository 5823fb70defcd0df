import type { AnyApi } from "@odradek/protocol";
import type { Stage } from "./stage.ts";

/** A story that is played on both systems at every version of an API that both serve. */
export type Case = {
  readonly name: string;
  readonly api: AnyApi;
  /** First and last version it can be told in. */
  readonly versions: readonly [first: number, last: number];
  play(stage: Stage<AnyApi>): Promise<void>;
};

export function differs<A extends AnyApi>(
  api: A,
  name: string,
  play: (stage: Stage<A>) => Promise<void>,
  { first = 0, last = Infinity }: { first?: number; last?: number } = {},
): Case {
  return { name: `${api.name}: ${name}`, api, versions: [first, last], play: (stage) => play(stage as Stage<A>) };
}
