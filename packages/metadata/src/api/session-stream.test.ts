import type { RpcError, RpcStream } from "@odradek/kit";
import { describe, expect, it } from "vitest";
import type { AttachFrame, ClientFrame, ServerFrame, WireOperation } from "../client/frames.ts";
import { metadataService } from "../client/frames.ts";
import { World } from "../testing/world.ts";

/** A client without manners: says frames as it is told and keeps what comes back. */
class RawClient {
  readonly frames: ServerFrame[] = [];
  readonly ends: (RpcError | null)[] = [];
  readonly #stream: RpcStream<ClientFrame, ServerFrame>;
  readonly #world: World;

  constructor(world: World, name: string, member = 1) {
    this.#world = world;
    this.#stream = world.network.rpc(name).client(`m${member}:2181`).open(metadataService.Session);
    this.#stream.onMessage = (frame) => this.frames.push(frame);
    this.#stream.onEnded = (error) => this.ends.push(error);
  }

  async say(...frames: ClientFrame[]): Promise<this> {
    for (const frame of frames) this.#stream.send(frame);
    await this.#world.clock.advance(20);
    return this;
  }

  attach(change: Partial<AttachFrame> = {}): Promise<this> {
    const attach = { session: "session-1", epoch: 1, create: true, timeoutMs: 6_000, name: "raw", ...change };
    return this.say({ is: "attach", attach });
  }

  /** The last frame, in one line. */
  get last(): string {
    const { is, ...rest } = this.frames.at(-1) ?? { is: "silence" };
    return `${is} ${JSON.stringify((rest as Record<string, unknown>)[is] ?? {})}`;
  }
}

const write = (sequence: number, operations: WireOperation[] = []): ClientFrame => ({
  is: "write",
  write: { sequence, answeredUpTo: 0, operations },
});
const create = (path: string): WireOperation => ({
  is: "create",
  create: { path, data: Buffer.alloc(0), ephemeral: false, sequential: false },
});

describe("a session's stream", () => {
  it("is refused by a member that does not lead, which names who does", async () => {
    const world = await World.ofThree();
    expect((await new RawClient(world, "a", 2).attach()).last).toBe('notLeader {"leader":1}');
    world.quorum.quorum.elect(null);
    expect((await new RawClient(world, "b", 2).attach()).last).toBe('notLeader {"leader":0}');
  });

  it.each<[string, Partial<AttachFrame>]>([
    ["not a session id", { session: "../../x" }],
    ["epochs start at 1", { epoch: 0 }],
    ["not a counter", { epoch: -5 }],
    ["the session timeout must be", { timeoutMs: 10 }],
    ["the session's name is too long", { name: "x".repeat(300) }],
  ])("refuses an attach with the reason: %s", async (why, change) => {
    const world = await World.ofThree();
    const client = await new RawClient(world, "a").attach(change);
    expect(client.last).toContain(why);
    await world.clock.advance(100);
    expect(client.ends).toEqual([null]);
  });

  it("begins with an attach, and with one only", async () => {
    const world = await World.ofThree();
    expect((await new RawClient(world, "a").say(write(1))).last).toContain("refused");
    const client = await new RawClient(world, "b").attach();
    await client.say({
      is: "attach",
      attach: { session: "session-2", epoch: 1, create: true, timeoutMs: 6_000, name: "" },
    });
    expect(client.last).toContain("refused");
    expect([...world.quorum.members.get(1)!.machine.state.sessions.keys()]).toEqual(["session-1"]);
  });

  it.each([
    ...[
      "",
      "nowhere",
      ":1",
      "b1:1\n",
      `${"x".repeat(300)}:1`,
      "b1:0",
      "b1:65536",
      "::1:80",
      "[b1]:80",
      "[::1",
      "b1/x:80",
    ],
    ...["dns://x/y:80", "ipv4:127.0.0.1:80", "unix:80"],
  ])("refuses an address that can't be dialled: %j", async (address) => {
    const world = await World.ofThree();
    const client = await new RawClient(world, "a").attach();
    await client.say({ is: "reachable", reachable: { address } });
    expect(client.last).toContain("not an address");
  });

  it.each(["b_1.example:65535", "127.0.0.1:1", "[::1]:80", "[fe80::1%eth0]:80"])(
    "takes the address %j",
    async (address) => {
      const world = await World.ofThree();
      const client = await new RawClient(world, "a").attach();
      await client.say({ is: "reachable", reachable: { address } }, write(1, [create("/x")]));
      expect(client.last).toContain("written");
    },
  );

  it("takes an address once", async () => {
    const world = await World.ofThree();
    const client = await new RawClient(world, "a").attach();
    await client.say({ is: "reachable", reachable: { address: "b1:1" } });
    await client.say({ is: "reachable", reachable: { address: "b1:1" } });
    expect(client.last).toContain("said already");
  });

  it("is dropped when nothing comes within five seconds", async () => {
    const world = await World.ofThree();
    const client = await new RawClient(world, "a").say();
    await world.clock.advance(5_100);
    expect(client.ends).toHaveLength(1);
  });

  it("of a session that is over is told so", async () => {
    const world = await World.ofThree();
    expect((await new RawClient(world, "a").attach({ create: false })).last).toBe("ended {}");
    const client = await new RawClient(world, "b").attach();
    expect((await client.say({ is: "close", close: {} })).last).toBe("ended {}");
  });

  it("C-11: refuses a gap, a malformed operation and a write that is too large, and does none of it", async () => {
    const world = await World.ofThree();
    expect((await (await new RawClient(world, "a").attach()).say(write(2, [create("/x")]))).last).toContain("GAP");
    const large = { path: "/x", data: Buffer.alloc(600_000), ephemeral: false, sequential: false };
    const bad: WireOperation[][] = [
      [{ is: "create", create: large }],
      [{} as WireOperation],
      [{ is: "check", check: { path: "/", version: -1 } }],
    ];
    for (const [at, operations] of bad.entries()) {
      const client = await new RawClient(world, `b${at}`).attach({ epoch: at + 2 });
      expect((await client.say(write(1, operations))).last).toContain("refused");
    }
    expect(world.quorum.members.get(1)!.machine.state.node("/x")).toBeUndefined();
  });

  it("C-12: a packet of the old connection that arrives after the session moved does nothing", async () => {
    const world = await World.ofThree();
    const old = await new RawClient(world, "a").attach();
    world.network.cut("a", "m1");
    await old.say(write(1, [create("/late")]));
    const newer = await new RawClient(world, "b").attach({ epoch: 2 });
    world.network.heal("a", "m1");
    await world.clock.advance(100);
    expect(world.quorum.members.get(1)!.machine.state.node("/late")).toBeUndefined();
    expect((await newer.say(write(1, [create("/now")]))).last).toContain('"sequence":1');
    expect(old.ends).toHaveLength(1);
  });

  it("C-10: a watch from a revision still to come is told nothing before it", async () => {
    const world = await World.ofThree();
    const client = await new RawClient(world, "a").attach();
    const { revision } = world.quorum.members.get(1)!.machine.state;
    await client.say(
      { is: "watchStart", watchStart: { watch: 1, path: "/", recursive: true, fromRevision: revision + 1 } },
      write(1, [create("/early")]),
      write(2, [create("/late")]),
    );
    const told = client.frames.filter((frame) => frame.is === "watchChanges");
    expect(told).toMatchObject([{ watchChanges: { revision: revision + 2, changed: [{ path: "/late" }] } }]);
  });

  it("C-08: a watch that goes on from a forgotten revision has its picture before any newer answer", async () => {
    const world = await World.ofThree(1, { revisionsMax: 4, ageMsMax: 1e9 });
    const client = await new RawClient(world, "a").attach();
    for (let sequence = 1; sequence <= 20; sequence++) await client.say(write(sequence, [create(`/n${sequence}`)]));
    await world.clock.advance(2_000);
    client.frames.length = 0;
    await client.say(
      { is: "watchStart", watchStart: { watch: 1, path: "/", recursive: false, fromRevision: 2, orSnapshot: true } },
      write(21, [create("/newer")]),
    );
    const told = client.frames.map((frame) => frame.is).filter((is) => is !== "bookmark");
    expect(told).toEqual(["watchStarted", "watchSnapshot", "written"]);
  });

  it("C-17: a client that does not read loses its stream, others are served meanwhile", async () => {
    const world = await World.ofThree();
    const [slow, writer] = [await new RawClient(world, "slow").attach(), await world.session("writer")];
    await slow.say({ is: "watchStart", watchStart: { watch: 1, path: "/", recursive: true } });
    world.network.options.keepaliveMs = 1e9;
    world.network.cut("slow", "m1");
    const large = Buffer.alloc(400_000);
    for (let round = 0; round < 400 && slow.ends.length === 0; round++)
      await world.until(writer.set("/topics", large, "any"));
    expect(slow.ends).toHaveLength(1);
    expect(await world.until(writer.set("/topics", Buffer.from("on"), "any"))).toMatchObject({ is: "done" });
  }, 60_000);
});
