import { describe, expect, test } from "vitest";

import type { Connection, Sink } from "../net.ts";
import { MemoryNet } from "./memory-net.ts";
import { VirtualClock } from "./virtual-clock.ts";

class Collector implements Sink {
  text = "";
  readonly #room = Buffer.alloc(4);

  room(): Buffer {
    return this.#room;
  }

  filled(bytes: number): void {
    this.text += this.#room.toString("utf8", 0, bytes);
  }
}

type Side = { connection: Connection; received: Collector; closed: (string | null)[] };

const sideOf = (connection: Connection): Side => {
  const side: Side = { connection, received: new Collector(), closed: [] };
  connection.onClosed = (error) => side.closed.push(error?.message ?? null);
  return side;
};

async function connected(): Promise<{ clock: VirtualClock; net: MemoryNet; near: Side; far: Side }> {
  const clock = new VirtualClock();
  const net = new MemoryNet(clock, { latencyMs: () => 1 });
  const accepted: Side[] = [];
  await net.net("server").listen({ host: "server", port: 9 }, (connection) => {
    accepted.push(sideOf(connection));
    return accepted[0]!.received;
  });
  const dialled: Side[] = [];
  const dial = net.net("client").connect(
    { host: "server", port: 9 },
    (connection) => {
      dialled.push(sideOf(connection));
      return dialled[0]!.received;
    },
    { timeoutMs: 1000 },
  );
  await clock.advance(10);
  await dial;
  return { clock, net, near: dialled[0]!, far: accepted[0]! };
}

describe("byte streams in memory", () => {
  test("bytes arrive in order, in whatever pieces the receiver has room for, and the sender hears when they have", async () => {
    const { clock, near, far } = await connected();
    let written = 0;
    for (const text of ["one ", "two ", "three"]) near.connection.write([Buffer.from(text)], () => written++);
    expect(near.connection.queuedBytes).toBe(13);
    await clock.advance(10);
    expect([far.received.text, written, near.connection.queuedBytes]).toEqual(["one two three", 3, 0]);
  });

  test("a receiver that pauses pushes back", async () => {
    const { clock, near, far } = await connected();
    far.connection.pause();
    let drained = 0;
    near.connection.onDrain = () => drained++;
    expect(near.connection.write([Buffer.alloc(64 * 1024, "x")])).toBe(false);
    await clock.advance(10);
    expect([far.received.text.length, drained]).toEqual([0, 0]);
    far.connection.resume();
    await clock.advance(10);
    expect([far.received.text.length, drained]).toEqual([64 * 1024, 1]);
  });

  test("a cut link delays what is sent one way, in order, and the other way is open", async () => {
    const { clock, net, near, far } = await connected();
    near.connection.write([Buffer.from("under way, ")]);
    net.cutOneWay("client", "server");
    near.connection.write([Buffer.from("held")]);
    far.connection.write([Buffer.from("heard")]);
    await clock.advance(100);
    expect([far.received.text, near.received.text]).toEqual(["", "heard"]);
    net.heal("client", "server");
    await clock.advance(10);
    expect(far.received.text).toBe("under way, held");
  });

  test("an end comes after the bytes before it; the crash of a node resets its connections, and nobody listens there", async () => {
    const first = await connected();
    first.near.connection.write([Buffer.from("last")]);
    first.near.connection.end();
    await first.clock.advance(10);
    expect([first.far.received.text, first.far.closed, first.near.closed]).toEqual(["last", [null], [null]]);
    const { clock, net, near, far } = await connected();
    net.crash("server");
    await clock.advance(10);
    expect([near.closed, far.closed]).toEqual([["ECONNRESET: the other side is gone"], []]);
    const again = net.net("client").connect({ host: "server", port: 9 }, () => near.received, { timeoutMs: 1000 });
    const refused = expect(again).rejects.toThrow("refused");
    await clock.advance(10);
    await refused;
  });

  test("a connection that the server turns away at once is told so after it was opened", async () => {
    const clock = new VirtualClock();
    const net = new MemoryNet(clock, { latencyMs: () => 1 });
    await net.net("server").listen({ host: "server", port: 9 }, (connection) => {
      connection.destroy();
      return new Collector();
    });
    const dial = net.net("client").connect({ host: "server", port: 9 }, () => new Collector(), { timeoutMs: 1000 });
    void dial.then((connection) => (connection.onClosed = () => closed++));
    let closed = 0;
    await clock.advance(10);
    expect(closed).toBe(1);
  });

  test("a link that is cut answers nothing: dialling ends at its deadline", async () => {
    const { clock, net, near } = await connected();
    net.cutOneWay("server", "client");
    const dial = net.net("client").connect({ host: "server", port: 9 }, () => near.received, { timeoutMs: 50 });
    const late = expect(dial).rejects.toThrow("within 50 ms");
    await clock.advance(60);
    await late;
  });
});
