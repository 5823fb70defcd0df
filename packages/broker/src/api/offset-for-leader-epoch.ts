import { ErrorCode, OffsetForLeaderEpochApi } from "@odradek/protocol";
import { handler } from "./handler.ts";
import { leaderEpochError, locate } from "./locate.ts";

// OffsetForLeaderEpoch (key 23).
// The largest epoch not above the one asked for and where it ends here; -1 and -1 when nothing is known of it (KIP-320).

export const offsetForLeaderEpoch = handler(OffsetForLeaderEpochApi, async (parts, request) => ({
  topics: request.topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ partition: index, currentLeaderEpoch, leaderEpoch }) => {
      const located = locate(parts, topic, index);
      if (located.is === "elsewhere") return { partition: index, errorCode: located.error };
      const errorCode = leaderEpochError(located.partition, currentLeaderEpoch);
      if (errorCode !== ErrorCode.NONE) return { partition: index, errorCode };
      return { partition: index, errorCode, ...located.partition.endOffsetForEpoch(leaderEpoch) };
    }),
  })),
}));
