import { expect, onTestFinished, test } from "vitest";

import { type Rpc, RpcError, type RpcMethod, type RpcStream } from "../rpc.ts";

export type RpcBench = {
  rpc: Rpc;
  /** "host:port" to listen on, the port chosen by the server. */
  address: string;
  /** Lets time pass while a test waits for something. */
  pass: () => Promise<void>;
};

const text = {
  encodeRequest: (message: string) => Buffer.from(message),
  decodeRequest: (bytes: Buffer) => bytes.toString(),
  encodeResponse: (message: string) => Buffer.from(message),
  decodeResponse: (bytes: Buffer) => bytes.toString(),
};
const ask: RpcMethod<string, string> = { path: "/contract.Service/Ask", ...text };
const talk: RpcMethod<string, string> = { path: "/contract.Service/Talk", ...text };
/** Its answers stand in one of a few buffers, which are spoilt as soon as they are given back. */
const pooled: RpcMethod<string, string> & { made: number } = {
  ...text,
  path: "/contract.Service/Pooled",
  made: 0,
  encodeResponse: (message) => {
    const buffer = free.pop() ?? (pooled.made++, Buffer.alloc(POOLED_BYTES));
    buffer.fill(message, 0);
    return buffer;
  },
  releaseResponse: (bytes) => {
    free.push(bytes.fill(0));
  },
};
const POOLED_BYTES = 4096;
const free: Buffer[] = [];

/** What every `Rpc` must do, the real one and its twin. */
export function rpcContract(bench: () => RpcBench): void {
  async function started(): Promise<Started> {
    const { rpc, address, pass } = bench();
    const server = rpc.server();
    const accepted: Heard[] = [];
    server.handle(ask, (request) => {
      if (request === "fail") return Promise.reject(new RpcError("FAILED_PRECONDITION", "not so"));
      return request === "hang" ? new Promise(() => {}) : Promise.resolve(`${request}!`);
    });
    server.accept(talk, (stream) => accepted.push(hear(stream)));
    const port = await server.listen(address);
    const client = rpc.client(`${address.slice(0, address.lastIndexOf(":"))}:${port}`);
    onTestFinished(async () => {
      client.close();
      await server.close();
    });
    return { rpc, server, client, accepted, pass };
  }

  test("a call is answered", async () => {
    const { client, pass } = await started();
    expect(await passing(client.call(ask, "hello", { timeoutMs: 5000 }), pass)).toBe("hello!");
  });

  test("a handler's error arrives with its code and its reason", async () => {
    const { client, pass } = await started();
    const failed = passing(client.call(ask, "fail", { timeoutMs: 5000 }), pass);
    await expect(failed).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
    await expect(failed).rejects.toThrow("not so");
  });

  test("C-19: a call that is never answered ends at its deadline", async () => {
    const { client, pass } = await started();
    const failed = passing(client.call(ask, "hang", { timeoutMs: 100 }), pass);
    await expect(failed).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED", isRefused: false });
  });

  test("a stream carries messages both ways in order", async () => {
    const { client, accepted, pass } = await started();
    const near = hear(client.open(talk));
    for (let i = 0; i < 100; i++) near.stream.send(`up ${i}`);
    await until(() => accepted[0]?.messages.length === 100, pass);
    for (let i = 0; i < 100; i++) accepted[0]!.stream.send(`down ${i}`);
    await until(() => near.messages.length === 100, pass);
    expect(accepted[0]!.messages).toEqual(Array.from({ length: 100 }, (_, i) => `up ${i}`));
    expect(near.messages).toEqual(Array.from({ length: 100 }, (_, i) => `down ${i}`));
  });

  test("a buffer goes back to its encoder once, and only when the transport has copied it", async () => {
    const { server, client, pass } = await started();
    pooled.made = 0;
    let far: RpcStream<string, string> | undefined;
    server.accept(pooled, (stream) => {
      far = stream;
    });
    const near = hear(client.open(pooled));
    await until(() => far !== undefined, pass);
    for (let i = 1; i <= 200; i++) {
      far!.send(`${i};`);
      if (i % 10 === 0) await until(() => near.messages.length === i, pass);
    }
    expect(near.messages.map((message) => Number.parseInt(message))).toEqual(
      Array.from({ length: 200 }, (_, i) => i + 1),
    );
    expect(new Set(near.messages.map((message) => message.length))).toEqual(new Set([POOLED_BYTES]));
    await until(() => free.length === pooled.made, pass);
    expect(new Set(free).size).toBe(pooled.made);
    expect(pooled.made).toBeLessThan(100);
  });

  test("an end in order ends both sides without error, after the last message", async () => {
    const { client, accepted, pass } = await started();
    const near = hear(client.open(talk));
    near.stream.send("last");
    near.stream.end();
    await until(() => near.ended.length === 1 && accepted[0]?.ended.length === 1, pass);
    expect(accepted[0]).toMatchObject({ messages: ["last"], ended: [null] });
    expect(near.ended).toEqual([null]);
  });

  test("the server's end in order arrives after its messages", async () => {
    const { client, accepted, pass } = await started();
    const near = hear(client.open(talk));
    near.stream.send("hello");
    await until(() => accepted[0]?.messages.length === 1, pass);
    accepted[0]!.stream.send("bye");
    accepted[0]!.stream.end();
    await until(() => near.ended.length === 1 && accepted[0]!.ended.length === 1, pass);
    expect(near).toMatchObject({ messages: ["bye"], ended: [null] });
    expect(accepted[0]!.ended).toEqual([null]);
  });

  for (const side of ["client", "server"] as const) {
    test(`a cancelled stream breaks at both ends (${side})`, async () => {
      const { client, accepted, pass } = await started();
      const near = hear(client.open(talk));
      near.stream.send("hello");
      await until(() => accepted[0]?.messages.length === 1, pass);
      (side === "client" ? near : accepted[0]!).stream.cancel();
      await until(() => near.ended.length === 1 && accepted[0]!.ended.length === 1, pass);
      expect(near.ended[0]).toBeInstanceOf(RpcError);
      expect(accepted[0]!.ended[0]).toBeInstanceOf(RpcError);
      expect(near.stream.send("after the end")).toBe(true);
    });
  }

  test("a closed server breaks its streams and refuses calls at once", async () => {
    const { server, client, accepted, pass } = await started();
    const near = hear(client.open(talk));
    near.stream.send("hello");
    await until(() => accepted[0]?.messages.length === 1, pass);
    await server.close();
    await until(() => near.ended.length === 1 && accepted[0]!.ended.length === 1, pass);
    expect(near.ended[0]).toMatchObject({ code: "UNAVAILABLE", isRefused: false });
    const refused = passing(client.call(ask, "hello", { timeoutMs: 60_000 }), pass);
    await expect(refused).rejects.toMatchObject({ code: "UNAVAILABLE", isRefused: true });
    const again = hear(client.open(talk));
    await until(() => again.ended.length === 1, pass);
    expect(again.ended[0]).toMatchObject({ code: "UNAVAILABLE" });
  });

  test("a sender learns that its peer is slower than it", async () => {
    const { client, accepted, pass } = await started();
    const near = hear(client.open(talk));
    const block = "x".repeat(1024 * 1024);
    let sent = 1;
    while (near.stream.send(block)) sent++;
    let drained = false;
    void near.stream.drained().then(() => (drained = true));
    await until(() => drained && accepted[0]?.messages.length === sent, pass);
  });
}

type Heard = { stream: RpcStream<string, string>; messages: string[]; ended: (RpcError | null)[] };
type Started = Pick<RpcBench, "rpc" | "pass"> & {
  server: ReturnType<Rpc["server"]>;
  client: ReturnType<Rpc["client"]>;
  accepted: Heard[];
};

function hear(stream: RpcStream<string, string>): Heard {
  const heard: Heard = { stream, messages: [], ended: [] };
  stream.onMessage = (message) => heard.messages.push(message);
  stream.onEnded = (error) => heard.ended.push(error);
  return heard;
}

async function until(condition: () => boolean, pass: () => Promise<void>): Promise<void> {
  const startedMs = performance.now();
  while (!condition()) {
    if (performance.now() - startedMs > 10_000) throw new Error("the condition never came true");
    await pass();
  }
}

async function passing<T>(promise: Promise<T>, pass: () => Promise<void>): Promise<T> {
  let settled = false;
  const mark = (): boolean => (settled = true);
  promise.then(mark, mark);
  await until(() => settled, pass);
  return promise;
}
