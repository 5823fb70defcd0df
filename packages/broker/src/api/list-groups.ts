import { ErrorCode, ListGroupsApi } from "@odradek/protocol";
import { handler } from "./handler.ts";

// ListGroups (key 16). The groups this broker coordinates; clients ask every broker.

const CLASSIC = "classic";

export const listGroups = handler(ListGroupsApi, async ({ groups }, { statesFilter, typesFilter }) => {
  const states = new Set(statesFilter.map((state) => state.toLowerCase()));
  const types = new Set(typesFilter.map((type) => type.toLowerCase()));
  const listed = [...groups.loadedShards()]
    .flatMap((shard) => shard.list())
    .filter(({ state }) => states.size === 0 || states.has(state.toLowerCase()))
    .map(({ groupId, protocolType, state }) => ({ groupId, protocolType, groupState: state, groupType: CLASSIC }));
  return { errorCode: ErrorCode.NONE, groups: types.size === 0 || types.has(CLASSIC) ? listed : [] };
});
