import type { RpcMethod } from "@odradek/kit";
import { silentLogger, SystemClock, SystemRandom } from "@odradek/kit";
import { SeededRandom } from "@odradek/kit/testing";
import { grpcRpc } from "@odradek/rpc";
import { expect, it } from "vitest";
import { metadataService } from "../client/frames.ts";
import { openSession } from "../client/index.ts";
import { MemoryMembers } from "../testing/memory-members.ts";

it("bytes that are no message cost their sender the stream, nobody else anything", async () => {
  const ports = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
  const rpc = grpcRpc();
  const members = new MemoryMembers({ ...ports, rpc: () => rpc, address: () => "127.0.0.1:0" });
  const { address } = await members.start(1);
  members.quorum.elect(1);
  const session = await openSession({ ...ports, rpc, members: members.addresses, connectTimeoutMs: 5_000 });
  const raw: RpcMethod<Buffer, Buffer> = {
    path: metadataService.Session.path,
    encodeRequest: (bytes) => bytes,
    decodeRequest: (bytes) => bytes,
    encodeResponse: (bytes) => bytes,
    decodeResponse: (bytes) => bytes,
  };
  const client = rpc.client(address);
  const random = new SeededRandom(1);
  for (let round = 0; round < 50; round++) {
    const stream = client.open(raw);
    const ended = new Promise((resolve) => (stream.onEnded = resolve));
    // A field number 0 and a length that reaches past the end are never valid.
    stream.send(round % 2 === 0 ? Buffer.from([0x0a, 0xff, 0xff, 0x7f]) : random.bytes(1 + round));
    stream.end();
    await ended;
  }
  expect(await session.exists("/cluster/id")).toBe(true);
  await session.close();
  client.close();
  await members.stop(1);
});
