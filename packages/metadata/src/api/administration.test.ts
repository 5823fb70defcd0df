import { expect, it } from "vitest";
import { changeMembers, compactHistory } from "../client/administration.ts";
import { World } from "../testing/world.ts";

async function leading() {
  const world = await World.ofThree();
  const session = await world.session("writer");
  for (const text of ["1", "2", "3"]) await world.until(session.set("/topics", Buffer.from(text), "any"));
  const leader = { address: "m1:2181", rpc: world.network.rpc("person"), timeoutMs: 1_000 };
  return { world, leader, state: world.quorum.members.get(1)!.machine.state };
}

it("forgets up to the revision that is named, nothing up to 0, everything when none is", async () => {
  const { world, leader, state } = await leading();
  for (const [through, oldest] of [
    [0, 0],
    [2, 2],
    [1, 2],
    [null, state.revision],
  ] as const) {
    expect(await world.until(compactHistory(leader, through))).toEqual({ is: "done" });
    expect(state.history.oldest).toBe(oldest);
  }
  const future = await world.until(compactHistory(leader, state.revision + 1));
  expect(future).toEqual({ is: "refused", why: "FUTURE_REVISION" });
});

it("takes no member at the address of another one", async () => {
  const { world, leader } = await leading();
  world.quorum.quorum.addresses[2] = "m2:2181";
  const add = (id: number, address: string) => world.until(changeMembers(leader, { is: "add", id, address }));
  expect(await add(4, "M2:2181")).toEqual({ is: "refused", why: "ADDRESS_TAKEN" });
  // What the members agree on decides of these.
  for (const [id, address] of [
    [2, "m2:2181"],
    [4, "m4:2181"],
  ] as const)
    expect(await add(id, address)).not.toMatchObject({ why: "ADDRESS_TAKEN" });
});
