import { describe, expect, test } from "vitest";

import type { RpcError, RpcMethod } from "../rpc.ts";
import { MemoryNetwork } from "./memory-rpc.ts";
import { rpcContract } from "./rpc-contract.ts";
import { VirtualClock } from "./virtual-clock.ts";

const bytes = (message: Buffer): Buffer => message;
const talk: RpcMethod<Buffer, Buffer> = {
  path: "/test/Talk",
  encodeRequest: bytes,
  decodeRequest: bytes,
  encodeResponse: bytes,
  decodeResponse: bytes,
};

describe("memory rpc", () => {
  rpcContract(() => {
    const clock = new VirtualClock();
    return { rpc: new MemoryNetwork(clock).rpc("node"), address: "node:0", pass: () => clock.advance(1) };
  });

  async function connected() {
    const clock = new VirtualClock();
    const network = new MemoryNetwork(clock, { latencyMs: 1 });
    const server = network.rpc("b").server();
    const heard: string[] = [];
    server.accept(talk, (stream) => (stream.onMessage = (message) => heard.push(message.toString())));
    const port = await server.listen("b:0");
    const stream = network.rpc("a").client(`b:${port}`).open(talk);
    const ended: (RpcError | null)[] = [];
    stream.onEnded = (error) => ended.push(error);
    stream.send(Buffer.from("one"));
    await clock.advance(10);
    return { clock, network, stream, heard, ended };
  }

  test("a short cut delays messages, a long one breaks the stream", async () => {
    const { clock, network, stream, heard, ended } = await connected();
    network.cut("a", "b");
    stream.send(Buffer.from("two"));
    await clock.advance(1000);
    expect(heard).toEqual(["one"]);
    network.heal("a", "b");
    await clock.advance(10);
    expect(heard).toEqual(["one", "two"]);
    network.cut("b", "a");
    await clock.advance(2001);
    expect(ended).toMatchObject([{ code: "UNAVAILABLE" }]);
  });

  test("a crash breaks the stream at once", async () => {
    const { network, ended } = await connected();
    network.crash("b");
    expect(ended).toMatchObject([{ code: "UNAVAILABLE" }]);
  });
});
