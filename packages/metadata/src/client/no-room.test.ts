import { describe, expect, it } from "vitest";
import type { Space } from "../store/space.ts";
import { World } from "../testing/world.ts";
import type { Outcome, Session } from "./types.ts";

const data = Buffer.from("x");
const said = ({ is, ...rest }: Outcome): string => ("failure" in rest ? rest.failure : is);

async function opened(): Promise<{ world: World; session: Session; fill: (room: Space) => void }> {
  const world = await World.ofThree();
  const session = await world.session("writer");
  const fill = (room: Space): void => {
    for (const { consensus } of world.quorum.members.values()) consensus.room = room;
  };
  return { world, session, fill };
}

describe("R-20: a session with a quorum that has no room", () => {
  it("is refused what would add, at once; reads, deletes and keep-alives go on, and writes when there is room again", async () => {
    const { world, session, fill } = await opened();
    await world.until(session.create("/topics/a", data));
    fill("low");
    const before = world.clock.now();
    expect(said(await world.until(session.set("/topics/a", data, "any")))).toBe("done");
    expect(said(await world.until(session.set("/topics/a", Buffer.alloc(2_000), "any")))).toBe("NO_SPACE");
    expect(said(await world.until(session.create("/brokers/ids/1", data, { ephemeral: true })))).toBe("done");
    expect(await world.until(session.create("/topics/b", data))).toEqual({
      is: "failed",
      at: 0,
      failure: "NO_SPACE",
      path: "/topics/b",
    });
    expect(world.clock.now() - before).toBeLessThan(100);
    await world.clock.advance(20_000);
    expect(session.connected).toBe(true);
    expect((await world.until(session.get("/topics/a")))?.data).toEqual(data);
    expect(said(await world.until(session.delete("/topics/a", "any")))).toBe("done");
    fill("full");
    expect(said(await world.until(session.delete("/topics", "any")))).toBe("NO_SPACE");
    expect(await world.until(session.children("/topics"))).toEqual([]);
    fill("ok");
    expect(said(await world.until(session.create("/topics/b", data)))).toBe("done");
  });

  it("gets the right answer to each of many writes under way, and every number is used once", async () => {
    const { world, session, fill } = await opened();
    for (const name of ["a", "b", "c"]) await world.until(session.create(`/topics/${name}`, data));
    world.quorum.quorum.commitMs = 50;
    const early = session.set("/topics/a", data, "any");
    await world.clock.advance(20);
    fill("low");
    const all = [
      early,
      session.create("/topics/e", data),
      session.delete("/topics/c", "any"),
      session.create("/topics/d", data),
      session.delete("/topics/a", "any"),
    ];
    const outcomes = await world.until(Promise.all(all));
    expect(outcomes.map(said)).toEqual(["done", "NO_SPACE", "done", "NO_SPACE", "done"]);
    expect(said(await world.until(session.set("/topics/b", data, 1)))).toBe("done");
    expect(await world.until(session.children("/topics"))).toEqual(["b"]);
    const stored = [...world.quorum.members.get(1)!.machine.state.sessions.values()];
    expect(stored.map(({ lastSequence }) => lastSequence)).toEqual([7]);
  });

  it("learns that a write was done whose answer was lost, though there is no room any more, not even to write it again", async () => {
    const { world, session, fill } = await opened();
    world.quorum.quorum.commitMs = 50;
    const large = Buffer.alloc(4_000);
    const writing = session.create("/topics/a", large);
    await world.clock.advance(20);
    fill("full");
    // The write survives its leader; its answer does not.
    world.quorum.quorum.elect(2, 1);
    expect(said(await world.until(writing))).toBe("done");
    expect(world.quorum.quorum.log.filter((entry) => entry.data.includes(large))).toHaveLength(1);
    expect(said(await world.until(session.create("/topics/b", data)))).toBe("NO_SPACE");
  });
});
