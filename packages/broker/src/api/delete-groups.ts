import { DeleteGroupsApi } from "@odradek/protocol";
import { handler } from "./handler.ts";

// DeleteGroups (key 42). Deletes groups without members, with their offsets.

export const deleteGroups = handler(DeleteGroupsApi, async ({ groups }, request) => ({
  results: await Promise.all(
    request.groupsNames.map(async (groupId) => {
      const shard = await groups.shardFor(groupId);
      return { groupId, errorCode: typeof shard === "number" ? shard : await shard.delete(groupId) };
    }),
  ),
}));
