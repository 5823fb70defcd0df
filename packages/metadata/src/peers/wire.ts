import type { RpcMethod } from "@odradek/kit";
import { loadService } from "@odradek/rpc";

import type { EntryKind } from "../store/entry.ts";
import type { Space } from "../store/space.ts";
import type { Cluster, SnapshotInfo, Standing } from "../store/write.ts";
import type { Message } from "./messages.ts";

/** The first frame of a stream, and then messages. */
export type Introduction = { is: "introduction"; from: number; to: number; clusterId: string; address: string };
export type Frame = Introduction | Message;
export type Welcome = { id: number; boot: string; clusterId: string };

type Body = Record<string, unknown>;
type WireFrame = Body & { is: string };

const service = loadService<{ Talk: [WireFrame, Welcome] }>("raft.proto", "odradek.raft.v1.Raft");

/** The stream between members, as messages of ours. */
export const talk: RpcMethod<Frame, Welcome> = {
  ...service.Talk,
  encodeRequest: (frame) => service.Talk.encodeRequest({ is: frame.is, [frame.is]: toWire(frame) }),
  decodeRequest: (bytes) => fromWire(service.Talk.decodeRequest(bytes)),
};

function toWire(frame: Frame): Body {
  switch (frame.is) {
    case "hello":
      return { ...frame, standing: frame.standing.toUpperCase() };
    case "appendReply":
      return { ...frame, space: frame.space.toUpperCase() };
    case "append": {
      const entries = frame.entries.map(({ term, is, data }) => ({ term, kind: is.toUpperCase(), data }));
      return { ...frame, entries };
    }
    case "snapshot": {
      const { cluster, ...info } = frame.info;
      const { id: clusterId, members, learners = [] } = cluster;
      const addresses = Object.entries(cluster.addresses ?? {}).map(([id, address]) => ({ id: Number(id), address }));
      return { ...frame, info: { ...info, clusterId, members, learners, addresses } };
    }
    default:
      return frame;
  }
}

type WireEntry = { term: number; kind: string; data: Buffer };
type WireInfo = Omit<SnapshotInfo, "cluster"> & {
  clusterId: string;
  members: number[];
  learners: number[];
  addresses: { id: number; address: string }[];
};

function fromWire(wire: WireFrame): Frame {
  const body = wire[wire.is] as Body | undefined;
  if (!body) throw new Error("a frame that says nothing");
  if (wire.is === "diverged" && !body["checkpoint"]) throw new Error("a verdict without the digest");
  if (wire.is === "snapshot" && !body["info"]) throw new Error("a snapshot without its description");
  switch (wire.is) {
    case "hello":
      return { promised: null, ...body, is: "hello", standing: lower<Standing>(body["standing"]) } as Frame;
    case "appendReply":
      return { checkpoint: null, ...body, is: "appendReply", space: lower<Space>(body["space"]) } as Frame;
    case "append": {
      const wired = body["entries"] as WireEntry[];
      const entries = wired.map(({ term, kind, data }) => ({ term, is: lower<EntryKind>(kind), data }));
      return { ...body, is: "append", entries } as Frame;
    }
    case "snapshot": {
      const { clusterId: id, members, learners, addresses, ...info } = body["info"] as WireInfo;
      const cluster: Cluster = { id, members };
      if (learners.length > 0) cluster.learners = learners;
      if (addresses.length > 0) cluster.addresses = Object.fromEntries(addresses.map((one) => [one.id, one.address]));
      return { ...body, is: "snapshot", info: { ...info, cluster } } as Frame;
    }
    default:
      return { ...body, is: wire.is } as Frame;
  }
}

/** A number stands for a value that the contract does not have. */
function lower<Name extends string>(name: unknown): Name {
  if (typeof name !== "string") throw new Error(`a frame with an unknown value: ${String(name)}`);
  return name.toLowerCase() as Name;
}
