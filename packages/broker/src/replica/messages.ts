import { loadService } from "@odradek/rpc";
import type { RpcMethod } from "@odradek/kit";

import { decodeData, encodeData, releaseData } from "./data-codec.ts";

// The messages of proto/replication.proto.

export type Hello = { broker: number; incarnation: string; leader: number };
export type Attach = {
  attachId: number;
  topicId: Buffer;
  partition: number;
  leaderEpoch: number;
  lastEpoch: number;
  end: number;
};
export type Acknowledgement = { attachId: number; end: number; start: number };
export type FollowerMessage = {
  hello?: Hello | null;
  attaches?: Attach[];
  detaches?: number[];
  acknowledgements?: Acknowledgement[];
};

export type Answer =
  | { attachId: number; outcome: "attached"; attached: object }
  | { attachId: number; outcome: "diverged"; diverged: { epoch: number; end: number } }
  | { attachId: number; outcome: "fenced"; fenced: { leaderEpoch: number } }
  | { attachId: number; outcome: "unknown"; unknown: object }
  | { attachId: number; outcome: "belowStart"; belowStart: { start: number; producers: Buffer } };
export type Data = { attachId: number; high: number; start: number; records: Buffer };
export type LeaderMessage = { answers?: Answer[]; data?: Data[] };

export type RereadRequest = { topicId: Buffer; partition: number; from: number; to: number };
export type RereadReply = { records: Buffer; isEmpty: boolean };

const service = loadService<{ Follow: [FollowerMessage, LeaderMessage]; Reread: [RereadRequest, RereadReply] }>(
  "replication.proto",
  "odradek.replication.v1.Replication",
);

/** The stream from a follower to a leader; data messages take the hand-written codec. */
export const follow: RpcMethod<FollowerMessage, LeaderMessage> = {
  ...service.Follow,
  encodeResponse: (message) =>
    message.data && !message.answers?.length ? encodeData(message.data) : service.Follow.encodeResponse(message),
  releaseResponse: releaseData,
  decodeResponse: (bytes) => {
    const data = decodeData(bytes);
    return data ? { data } : service.Follow.decodeResponse(bytes);
  },
};

/** What a replica asks another for when its own disk has changed what was stored. */
export const reread: RpcMethod<RereadRequest, RereadReply> = service.Reread;

/** The same stream with the generated codec alone: what another implementation of the contract would use. */
export const followByContract: RpcMethod<FollowerMessage, LeaderMessage> = service.Follow;
