import type { Clock, RpcError } from "@odradek/kit";
import { metadataService, type SnapshotFrame } from "./frames.ts";
import type { MemberOptions, StoreSnapshot } from "./types.ts";

/**
 * The whole state of the store, as its leader has it now. Null: this member does not lead. Rejects when it falls silent for longer than
 * `timeoutMs`, has too many askers, or breaks off.
 */
export async function downloadSnapshot(options: MemberOptions & { clock: Clock }): Promise<StoreSnapshot | null> {
  const { rpc, address, clock, timeoutMs } = options;
  const client = rpc.client(address);
  const stream = client.open(metadataService.Snapshot);
  const frames: SnapshotFrame[] = [];
  const ended = Promise.withResolvers<RpcError | Error | null>();
  let silence = (): void => {};
  const wait = (): void => {
    silence();
    silence = clock.timer(timeoutMs, () => ended.resolve(new Error(`${address} fell silent for ${timeoutMs} ms`)));
  };
  stream.onMessage = (frame) => {
    frames.push(frame);
    wait();
  };
  stream.onEnded = (error) => ended.resolve(error);
  wait();
  stream.send({});
  try {
    const error = await ended.promise;
    if (error) throw error;
    return assemble(frames);
  } finally {
    silence();
    stream.cancel();
    client.close();
  }
}

/** Throws when a part is missing. */
function assemble(frames: readonly SnapshotFrame[]): StoreSnapshot | null {
  const [first, ...rest] = frames;
  if (first?.is === "notLeader") return null;
  if (first?.is === "refused") throw new Error(`the snapshot was refused: ${first.refused.why}`);
  if (first?.is !== "head") throw new Error("the snapshot has no head");
  const data = Buffer.concat(rest.flatMap((frame) => (frame.is === "data" ? [frame.data.bytes] : [])));
  const { bytes, ...head } = first.head;
  if (data.length !== bytes) throw new Error(`the snapshot broke off: ${data.length} of ${bytes} bytes`);
  return { ...head, data };
}
