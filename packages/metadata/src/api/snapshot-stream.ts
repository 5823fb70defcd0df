import type { RpcServer, RpcStream } from "@odradek/kit";
import { metadataService, type SnapshotFrame } from "../client/frames.ts";
import { limits } from "../limits.ts";
import type { Consensus } from "../raft/consensus.ts";
import type { TreeResult, TreeStateMachine } from "../tree/machine.ts";

type Parts = { consensus: Consensus<TreeResult>; machine: TreeStateMachine };

/** Gives the state away, for someone to save. */
export function registerSnapshots(server: RpcServer, parts: Parts): void {
  let streams = 0;
  server.accept(metadataService.Snapshot, (stream) => {
    let isAsked = false;
    let isOver = false;
    stream.onEnded = () => (isOver = true);
    stream.onMessage = () => {
      if (isAsked) return stream.cancel();
      isAsked = true;
      if (streams >= limits.snapshotStreamsMax) {
        stream.send({ is: "refused", refused: { why: "BUSY" } });
        return stream.end();
      }
      streams++;
      void send(stream, parts, () => isOver).finally(() => streams--);
    };
  });
}

async function send(
  stream: RpcStream<SnapshotFrame, Record<string, never>>,
  { consensus, machine }: Parts,
  isOver: () => boolean,
): Promise<void> {
  if ((await consensus.readBarrier()) !== "ok") {
    const { leadership } = consensus;
    stream.send({
      is: "notLeader",
      notLeader: { leader: leadership.is === "follower" ? (leadership.leader ?? 0) : 0 },
    });
    return stream.end();
  }
  const { info, data } = consensus.snapshot();
  const { index, term, hash, bytes, digest } = info;
  const { revision, size: nodes, sessions } = machine.state;
  const place = { clusterId: info.cluster.id, index, term, hash };
  stream.send({ is: "head", head: { ...place, revision, nodes, sessions: sessions.size, bytes, digest } });
  for (let offset = 0; offset < data.length && !isOver(); offset += limits.snapshotPartBytes) {
    const part = data.subarray(offset, offset + limits.snapshotPartBytes);
    if (!stream.send({ is: "data", data: { bytes: part } })) await stream.drained();
  }
  stream.end();
}
