import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import type { LoggedProcess } from "@odradek/kit/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ProcessCluster } from "./processes.ts";

/** ApiVersions v0, correlation id 7, client id "test". */
const apiVersions = Buffer.from("0000000e" + "0012" + "0000" + "00000007" + "0004" + "74657374", "hex");

/** Of the process (Linux). */
function residentMiB({ child }: LoggedProcess): number {
  const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

async function opened(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => {}); // a reset is one way to close
  await once(socket, "connect");
  return socket;
}

/** Resolves true when the server closes within `timeoutMs`. */
function isClosed(socket: Socket, timeoutMs = 5000): Promise<boolean> {
  socket.resume();
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), timeoutMs);
    socket.once("close", () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}

/** Asks ApiVersions v0 and resolves with the correlation id of the answer. */
async function ask(socket: Socket): Promise<number> {
  socket.write(apiVersions);
  const [chunk] = (await once(socket, "data")) as [Buffer];
  return chunk.readInt32BE(4);
}

describe("the network edge of a real broker", () => {
  let cluster: ProcessCluster;
  let port: number;
  let witness: Socket;
  beforeAll(async () => {
    cluster = await ProcessCluster.start({ metadata: 1, brokers: 1 });
    port = cluster.brokerPort(1);
    witness = await opened(port);
  }, 40_000);
  afterAll(async () => {
    witness?.destroy();
    await cluster?.close();
  });

  const prefix = (size: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(size);
    return bytes;
  };

  it.each([
    ["HTTP", Buffer.from("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")],
    ["a TLS hello", Buffer.from("16030100c8010000c40303000000000000", "hex")],
    ["a declared length of 2 GiB", prefix(2 ** 31 - 1)],
    ["length 0", prefix(0)],
    ["a negative length", prefix(-1)],
    ["an unknown API", Buffer.concat([prefix(10), Buffer.from("03e70000000000010000", "hex")])],
    ["random bytes", Buffer.from(Array.from({ length: 4096 }, (_, at) => (at * 7919 + 13) & 0x7f))],
  ])("N-01: %s costs only its own connection", async (_name, bytes) => {
    const socket = await opened(port);
    socket.write(bytes);
    expect(await isClosed(socket)).toBe(true);
    expect(await ask(witness)).toBe(7);
  });

  it("N-02: memory does not follow declared lengths, nor 1,000 idle connections", async () => {
    const broker = cluster.broker(1);
    const before = residentMiB(broker);
    const sockets: Socket[] = [];
    for (let count = 0; count < 1000; count++) {
      const socket = await opened(port);
      if (count % 2 === 0) socket.write(prefix(100 * 1024 * 1024));
      else expect(await ask(socket)).toBe(7);
      sockets.push(socket);
    }
    expect(await ask(witness)).toBe(7);
    expect(residentMiB(broker) - before).toBeLessThan(64);
    for (const socket of sockets) socket.destroy();
  });

  it("answers health checks, and stops in order on SIGTERM and when its starter is gone", async () => {
    const broker = cluster.broker(1);
    const { ports } = await broker.event("READY");
    for (const path of ["livez", "readyz"])
      expect((await fetch(`http://127.0.0.1:${ports!["http"]}/${path}`)).status).toBe(200);
    await broker.stop();
    expect(broker.lines.at(-1)).toMatchObject({ evt: "STOPPED", code: 0 });
    await cluster.startBroker(1);
    const orphan = cluster.broker(1);
    orphan.child.stdio[3]!.destroy();
    await orphan.event("STOPPED");
  });
});
