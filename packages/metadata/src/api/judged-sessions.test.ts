import type { RpcClient } from "@odradek/kit";
import { describe, expect, it } from "vitest";
import { answerKnocks } from "../client/knock.ts";
import type { Session } from "../client/types.ts";
import { collect, fold, World } from "../testing/world.ts";

const value = (text: string): Buffer => Buffer.from(text);

/** The session's process answers knocks at `node`. */
async function served(world: World, node: string, session: Session): Promise<void> {
  const server = world.network.rpc(node).server();
  answerKnocks(server);
  session.reachableAt(`${node}:${await server.listen(`${node}:0`)}`);
  await world.clock.advance(10);
}

/** How long broker 1's node outlives the connection of its session, at "a", which is killed or cut off and does not come back. */
async function outlived(world: World, { before = async () => {}, at = () => {} }: Dying = {}): Promise<number> {
  const [dying, other] = [await world.session("a"), await world.session("b")];
  await before(dying);
  await world.until(dying.create("/brokers/ids/1", value(""), { ephemeral: true }));
  const events = collect(other.watch({ path: "/brokers", recursive: true }));
  await world.clock.advance(50);
  at();
  world.network.crash("a");
  world.network.cut("a", "m1");
  return world.eventually(() => !fold(events).nodes.has("/brokers/ids/1"));
}

/** What is done with the session first, and what happens when its connection breaks. */
type Dying = { before?: (session: Session) => Promise<void> | void; at?: () => void };

describe("the judge of sessions", () => {
  it("expires a client whose stream broke and who did not come back, in half a second", async () => {
    const took = await outlived(await World.ofThree());
    expect(took).toBeGreaterThan(290);
    expect(took).toBeLessThan(500);
  });

  it("expires a client at once whose stream broke when nobody serves any more where it did", async () => {
    const world = await World.ofThree();
    expect(await outlived(world, { before: (dying) => served(world, "a", dying) })).toBeLessThan(30);
  });

  it("has a grace for a client whose stream broke and who answers, or whose silence may be a cut", async () => {
    for (const isCut of [false, true]) {
      const world = await World.ofThree();
      const at = (): void => void (isCut && world.network.cut("c", "m1"));
      const took = await outlived(world, { before: (dying) => served(world, "c", dying), at });
      expect(took).toBeGreaterThan(290);
      expect(took).toBeLessThan(500);
    }
  });

  it("has a grace for a client at whose address it has never been answered: it may be another one seen from here", async () => {
    const world = await World.ofThree();
    const took = await outlived(world, { before: (dying) => dying.reachableAt("localhost:1") });
    expect(took).toBeGreaterThan(290);
  });

  it("has a grace for a client at whose address it can't even knock, and goes on", async () => {
    const world = new World();
    const rpcOf = world.network.rpc.bind(world.network);
    world.network.rpc = (node) => {
      const rpc = rpcOf(node);
      const client = (address: string): RpcClient => {
        if (address === "undiallable:1") throw new Error("no address");
        return rpc.client(address);
      };
      return { ...rpc, client };
    };
    await world.start();
    const took = await outlived(world, { before: (dying) => dying.reachableAt("undiallable:1") });
    expect(took).toBeGreaterThan(290);
  });

  it("believes a client that has come back before it was found to be gone", async () => {
    const world = await World.ofThree();
    const session = await world.session("a");
    await served(world, "c", session);
    await world.until(session.create("/brokers/ids/1", value(""), { ephemeral: true }));
    await world.clock.advance(50);
    world.network.crash("c"); // nobody serves there any more
    const latenciesMs = [200]; // of the knock, which goes out first
    world.network.options.latencyMs = () => latenciesMs.pop() ?? 1;
    world.network.crash("a"); // its streams break, and it dials again
    await world.clock.advance(1_000);
    expect(latenciesMs).toEqual([]);
    expect(session.connected).toBe(true);
    expect(await world.until(session.exists("/brokers/ids/1"))).toBe(true);
  });

  it("expires a silent client only after its timeout", async () => {
    const world = await World.ofThree();
    const [silent, other] = [await world.session("a"), await world.session("b")];
    await world.until(silent.create("/brokers/ids/1", value(""), { ephemeral: true }));
    const events = collect(other.watch({ path: "/brokers", recursive: true }));
    await world.clock.advance(50);
    // Nothing arrives; the transport gives the stream up after two seconds, which is not the same as a death.
    for (const member of ["m1", "m2", "m3"]) world.network.cut("a", member);
    const took = await world.eventually(() => !fold(events).nodes.has("/brokers/ids/1"));
    expect(took).toBeGreaterThan(5_400);
    expect(took).toBeLessThan(6_600);
    expect(await world.until(silent.ended)).toBe("expired");
  });

  it("C-01: lets every live client through when leaders change all the time, and buries the dead", async () => {
    const world = await World.ofThree();
    const [alive, dead] = [await world.session("a"), await world.session("b")];
    await world.until(alive.create("/brokers/ids/1", value(""), { ephemeral: true }));
    await world.until(dead.create("/brokers/ids/2", value(""), { ephemeral: true }));
    world.network.crash("b");
    for (const member of ["m1", "m2", "m3"]) world.network.cut("b", member);
    for (let round = 0; round < 20; round++) {
      world.quorum.quorum.elect(1 + (round % 3));
      await world.clock.advance(1_500);
      expect(await world.until(alive.exists("/brokers/ids/1"))).toBe(true);
    }
    expect(await world.until(alive.children("/brokers/ids"))).toEqual(["1"]);
  });

  it("C-01: a dead client of the old leader is gone a second after the new leader's first entry", async () => {
    const world = await World.ofThree();
    const [alive, dead] = [await world.session("a"), await world.session("b")];
    await world.until(dead.create("/brokers/ids/2", value(""), { ephemeral: true }));
    world.network.crash("b");
    for (const member of ["m1", "m2", "m3"]) world.network.cut("b", member);
    await world.kill(1);
    await world.clock.advance(700);
    world.quorum.quorum.elect(2);
    const events = collect(alive.watch({ path: "/brokers", recursive: true }));
    const took = await world.eventually(() => events.length > 0 && !fold(events).nodes.has("/brokers/ids/2"));
    expect(took).toBeGreaterThan(900);
    expect(took).toBeLessThan(1_300);
    expect(alive.connected).toBe(true);
  });
});
