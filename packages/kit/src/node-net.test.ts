import { afterEach, describe, expect, it } from "vitest";
import type { Connection, Listener, Net, Sink } from "./net.ts";
import { NodeNet } from "./node-net.ts";

/** Keeps what arrives; its room is small, so that one send fills it several times. */
class Collector implements Sink {
  readonly chunks: Buffer[] = [];
  readonly #room = Buffer.alloc(1000);
  onBytes: () => void = () => {};

  room(): Buffer {
    return this.#room;
  }

  filled(bytes: number): void {
    this.chunks.push(Buffer.from(this.#room.subarray(0, bytes)));
    this.onBytes();
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  async until(size: number): Promise<Buffer> {
    while (this.bytes.length < size) await new Promise<void>((resolve) => (this.onBytes = resolve));
    return this.bytes;
  }
}

type Pair = { client: Connection; server: Connection; toClient: Collector; toServer: Collector; listener: Listener };

async function pair(net: Net): Promise<Pair> {
  const toClient = new Collector();
  const toServer = new Collector();
  const { promise: accepted, resolve } = Promise.withResolvers<Connection>();
  const listener = await net.listen({ host: "127.0.0.1", port: 0 }, (connection) => {
    resolve(connection);
    return toServer;
  });
  const address = { host: "127.0.0.1", port: listener.port };
  const client = await net.connect(address, () => toClient, { timeoutMs: 2000 });
  return { client, server: await accepted, toClient, toServer, listener };
}

const closed = (connection: Connection): Promise<Error | null> =>
  new Promise((resolve) => (connection.onClosed = resolve));

/** Turns of the loop in which a number must not move to be taken for settled. */
const TURNS = 5_000;

/** Waits until a number moves no more. */
async function settled(of: () => number): Promise<void> {
  const deadline = performance.now() + 10_000;
  let before = of();
  for (let same = 0; same < TURNS;) {
    if (performance.now() > deadline) throw new Error(`still moving: ${of()}`);
    await new Promise((turn) => setImmediate(turn));
    same = of() === before ? same + 1 : 0;
    before = of();
  }
}

describe.each([
  ["onread", new NodeNet()],
  ["data events", new NodeNet({ onread: false })],
])("NodeNet with %s", (_, net) => {
  const listeners: Listener[] = [];
  afterEach(async () => {
    await Promise.all(listeners.splice(0).map((listener) => listener.close()));
  });

  const open = async (): Promise<Pair> => {
    const both = await pair(net);
    listeners.push(both.listener);
    return both;
  };

  it("carries bytes both ways in order, several buffers as one write", async () => {
    const { client, server, toClient, toServer } = await open();
    const sent = Buffer.from(Array.from({ length: 50_000 }, (_value, index) => index % 251));
    client.write([sent.subarray(0, 1), sent.subarray(1, 20_000), sent.subarray(20_000)]);
    expect((await toServer.until(sent.length)).equals(sent)).toBe(true);
    const left = new Promise<void>((resolve) => server.write([Buffer.from("an"), Buffer.from("swer")], resolve));
    await left;
    expect((await toClient.until(6)).toString()).toBe("answer");
    client.destroy();
    await closed(server);
  });

  it("says when the peer went away and runs `written` of what can't leave any more", async () => {
    const { client, server } = await open();
    const gone = closed(server);
    client.end();
    expect(await gone).toBeNull();
    await new Promise<void>((resolve) => server.write([Buffer.from("too late")], resolve));
  });

  it("reads nothing while paused and everything after", async () => {
    const { client, server, toServer } = await open();
    client.write([Buffer.from("a")]);
    await toServer.until(1);
    server.pause();
    // The peer's kernel buffers fill up and its queue stays: nobody reads.
    const flood = Buffer.alloc(32 * 1024 * 1024, 7);
    expect(client.write([flood])).toBe(false);
    await settled(() => toServer.bytes.length);
    expect(toServer.bytes.length).toBeLessThan(4 * 1024 * 1024);
    expect(client.queuedBytes).toBeGreaterThan(0);
    const drained = new Promise<void>((resolve) => (client.onDrain = resolve));
    server.resume();
    await drained;
    client.destroy();
  });

  it("names the failing hop", async () => {
    const { listener } = await open();
    const { port } = listener;
    const refused = net.connect({ host: "127.0.0.1", port: 1 }, () => new Collector(), { timeoutMs: 2000 });
    await expect(refused).rejects.toThrow("TCP to 127.0.0.1:1 failed");
    await expect(net.listen({ host: "127.0.0.1", port }, () => new Collector())).rejects.toThrow(
      `can't listen on 127.0.0.1:${port}`,
    );
  });
});
