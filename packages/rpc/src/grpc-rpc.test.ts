import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import type { RpcError, RpcMethod } from "@odradek/kit";
import { describe, expect, onTestFinished, test } from "vitest";

import { rpcContract } from "../../kit/src/testing/rpc-contract.ts";
import { grpcRpc } from "./grpc-rpc.ts";

const bytes = (message: Buffer): Buffer => message;
const codec = { encodeRequest: bytes, decodeRequest: bytes, encodeResponse: bytes, decodeResponse: bytes };
const ask: RpcMethod<Buffer, Buffer> = { path: "/test.Service/Ask", ...codec };
const talk: RpcMethod<Buffer, Buffer> = { path: "/test.Service/Talk", ...codec };

/** A peer that accepts connections and never says a word. */
async function silentPeer(): Promise<string> {
  const silent = createServer((socket) => socket.on("error", () => {}).resume());
  silent.listen(0, "127.0.0.1");
  await once(silent, "listening");
  onTestFinished(() => void silent.close());
  return `127.0.0.1:${(silent.address() as AddressInfo).port}`;
}

function endOf(rpc: ReturnType<typeof grpcRpc>, address: string): Promise<RpcError | null> {
  const client = rpc.client(address);
  onTestFinished(() => client.close());
  const stream = client.open(talk);
  stream.send(Buffer.from("hello"));
  return new Promise((resolve) => (stream.onEnded = resolve));
}

describe("grpc rpc", () => {
  rpcContract(() => ({ rpc: grpcRpc(), address: "127.0.0.1:0", pass: () => sleep(1) }));

  test("C-19: a call to a peer that accepts and never answers ends at its deadline", async () => {
    const peer = await silentPeer();
    const ended: number[] = [];
    const call = async (timeoutMs: number): Promise<void> => {
      const client = grpcRpc().client(peer);
      onTestFinished(() => client.close());
      const answer = client.call(ask, Buffer.alloc(1), { timeoutMs });
      await expect(answer).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
      ended.push(timeoutMs);
    };
    await Promise.all([call(2_000), call(200)]);
    expect(ended).toEqual([200, 2_000]);
  });

  test("C-19: a stream to a peer that accepts and never answers ends with UNAVAILABLE", async () => {
    expect(await endOf(grpcRpc({ connectTimeoutMs: 200 }), await silentPeer())).toMatchObject({ code: "UNAVAILABLE" });
  });

  test("C-19: a stream to a refused port ends at once, long before any deadline", async () => {
    // The only deadline there is lies far beyond this test's own.
    expect(await endOf(grpcRpc({ connectTimeoutMs: 600_000 }), "127.0.0.1:1")).toMatchObject({
      code: "UNAVAILABLE",
      message: "127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1",
    });
  });

  test("a connection that is taken and closed without a word is a refusal, a name that is not found is none", async () => {
    for (const close of ["end", "resetAndDestroy"] as const) {
      const closing = createServer((socket) => socket.on("error", () => {})[close]());
      closing.listen(0, "127.0.0.1");
      await once(closing, "listening");
      onTestFinished(() => void closing.close());
      const end = await endOf(grpcRpc(), `127.0.0.1:${(closing.address() as AddressInfo).port}`);
      expect(end).toMatchObject({ code: "UNAVAILABLE", isRefused: true });
    }
    const nowhere = await endOf(grpcRpc(), "nobody.invalid:1");
    expect(nowhere).toMatchObject({ code: "UNAVAILABLE", isRefused: false });
  });

  test("a peer that was silent when first called is reached by the call after", async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket.on("error", () => {})));
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    const rpc = grpcRpc();
    const client = rpc.client(`127.0.0.1:${port}`);
    onTestFinished(() => client.close());
    await expect(client.call(ask, Buffer.alloc(1), { timeoutMs: 200 })).rejects.toThrow();
    silent.close();
    for (const socket of sockets) socket.destroy();
    await once(silent, "close");
    const server = rpc.server();
    server.handle(ask, (request) => Promise.resolve(request));
    await server.listen(`127.0.0.1:${port}`);
    onTestFinished(() => server.close());
    expect(await client.call(ask, Buffer.from("now"), { timeoutMs: 5000 })).toEqual(Buffer.from("now"));
  });

  test("the pings of an idle stream are no offence and keep it open", { timeout: 15_000 }, async () => {
    const server = grpcRpc().server();
    server.accept(talk, (stream) => (stream.onMessage = (message) => stream.send(message)));
    const port = await server.listen("127.0.0.1:0");
    onTestFinished(() => server.close());
    const client = grpcRpc().client(`127.0.0.1:${port}`);
    onTestFinished(() => client.close());
    const stream = client.open(talk);
    const ended: (RpcError | null)[] = [];
    stream.onEnded = (error) => ended.push(error);
    // The idle time is the case itself: long enough for several pings, which a server that counts them would punish.
    await sleep(5500);
    const echo = new Promise<Buffer>((resolve) => (stream.onMessage = resolve));
    stream.send(Buffer.from("still here"));
    expect(await echo).toEqual(Buffer.from("still here"));
    expect(ended).toEqual([]);
  });

  async function toAnotherProcess() {
    const echo = fileURLToPath(new URL("testing/echo.ts", import.meta.url));
    const child = spawn(process.execPath, [echo], { stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void child.kill("SIGKILL"));
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const client = grpcRpc().client(`127.0.0.1:${line.toString().trim()}`);
    onTestFinished(() => client.close());
    const stream = client.open(talk);
    const ended = new Promise<RpcError | null>((resolve) => (stream.onEnded = resolve));
    const heard = new Promise((resolve) => (stream.onMessage = resolve));
    stream.send(Buffer.from("hello"));
    await heard;
    return { child, ended };
  }

  test("C-19: a stopped process is noticed by the keep-alive, a killed one without waiting for it", async () => {
    const [stopped, killed] = await Promise.all([toAnotherProcess(), toAnotherProcess()]);
    const noticed: string[] = [];
    const ends = [
      stopped.ended.then((error) => (noticed.push("stopped"), error)),
      killed.ended.then((error) => (noticed.push("killed"), error)),
    ];
    stopped.child.kill("SIGSTOP");
    killed.child.kill("SIGKILL");
    for (const error of await Promise.all(ends)) expect(error).toMatchObject({ code: "UNAVAILABLE" });
    expect(noticed).toEqual(["killed", "stopped"]);
  });
});
