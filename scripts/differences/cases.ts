import type { Case } from "./case.ts";
import { configCases } from "./cases/configs.ts";
import { fetchCases } from "./cases/fetch.ts";
import { groupCases } from "./cases/groups.ts";
import { heldMoveCases } from "./cases/held-moves.ts";
import { offsetCases } from "./cases/offsets.ts";
import { produceCases } from "./cases/produce.ts";
import { protocolCases } from "./cases/protocol.ts";
import { rebalanceCases } from "./cases/rebalances.ts";
import { replicaCases } from "./cases/replicas.ts";
import { topicCases } from "./cases/topics.ts";

/** Everything that is asked of both systems. */
export const cases: readonly Case[] = [
  ...protocolCases,
  ...produceCases,
  ...fetchCases,
  ...offsetCases,
  ...topicCases,
  ...configCases,
  ...replicaCases,
  ...heldMoveCases,
  ...groupCases,
  ...rebalanceCases,
];
