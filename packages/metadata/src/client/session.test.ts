import { describe, expect, it } from "vitest";
import type { Outcome, Session } from "./types.ts";
import { collect, fold, World } from "../testing/world.ts";

const value = (text: string): Buffer => Buffer.from(text);
const revisionOf = (outcome: Outcome): number => (outcome.is === "done" ? outcome.revision : NaN);

/** Adds one to a counter by compare-and-set, as often as told. */
async function count(session: Session, times: number): Promise<void> {
  for (let done = 0; done < times;) {
    const node = await session.get("/counter");
    const next = Number(node!.data.toString()) + 1;
    const outcome = await session.set("/counter", value(String(next)), node!.version);
    if (outcome.is === "done") done++;
  }
}

describe("a session", () => {
  it("creates, reads, changes and deletes", async () => {
    const world = await World.ofThree();
    const session = await world.session("a");
    const created = await world.until(session.create("/topics/words", value("1")));
    expect(created).toMatchObject({ is: "done", results: [{ path: "/topics/words", version: 1 }] });
    expect(await world.until(session.set("/topics/words", value("2"), 1))).toMatchObject({ is: "done" });
    expect(await world.until(session.set("/topics/words", value("3"), 1))).toMatchObject({ failure: "BAD_VERSION" });
    const node = await world.until(session.get("/topics/words"));
    expect(node).toMatchObject({ version: 2, owner: null, modifiedRevision: revisionOf(created) + 1 });
    expect(node?.data.toString()).toBe("2");
    expect(await world.until(session.children("/topics"))).toEqual(["words"]);
    expect(await world.until(session.delete("/topics/words", "any"))).toMatchObject({ is: "done" });
    expect(await world.until(session.exists("/topics/words"))).toBe(false);
    await world.until(session.close());
    expect(await session.ended).toBe("closed");
  });

  it("finds the leader among three, whoever it is, and names the members when nobody leads", async () => {
    const world = await World.ofThree();
    world.quorum.quorum.elect(3);
    const session = await world.session("a");
    expect(session.connected).toBe(true);
    world.quorum.quorum.elect(null);
    await expect(world.session("b", { connectTimeoutMs: 700 })).rejects.toThrow(
      /no session within 700 ms.*1 \(m1:2181\): knows no leader/,
    );
  });

  it("reads what was written before on the same session without waiting for the answer", async () => {
    const world = await World.ofThree();
    world.quorum.quorum.commitMs = 50;
    const session = await world.session("a");
    const written = session.create("/x", value("1"));
    expect(await world.until(session.exists("/x"))).toBe(true);
    await written;
  });

  it("C-11: counts exactly once while leaders change and replies are lost", async () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const world = await World.ofThree(seed);
      world.quorum.quorum.commitMs = 3;
      const sessions = [await world.session("a"), await world.session("b")];
      await world.until(sessions[0]!.create("/counter", value("0")));
      let isDone = false;
      const counting = Promise.all(sessions.map((session) => count(session, 40))).then(() => (isDone = true));
      while (!isDone) {
        await world.clock.advance(20 + Math.floor(world.random.next() * 100));
        // Some of what was in flight is committed, the rest is lost, and nobody learns which.
        world.quorum.quorum.elect(1 + Math.floor(world.random.next() * 3), Math.floor(world.random.next() * 4));
        const broken = world.random.next() < 0.5 ? "a" : "b";
        const leader = `m${world.quorum.quorum.leader}`;
        world.network.cut(broken, leader);
        await world.clock.advance(Math.floor(world.random.next() * 10));
        world.network.heal(broken, leader);
        await world.clock.advance(200);
      }
      await counting;
      const counter = await world.until(sessions[0]!.get("/counter"));
      expect(counter?.data.toString(), `seed ${seed}`).toBe("80");
      expect(counter?.version).toBe(81);
    }
  });

  it("goes on within half a second when the leader is killed and another leads", async () => {
    const world = await World.ofThree();
    const session = await world.session("a");
    await world.kill(1);
    const written = session.create("/x", value("1"));
    await world.clock.advance(200);
    world.quorum.quorum.elect(2);
    const before = world.clock.now();
    expect(await world.until(written)).toMatchObject({ is: "done" });
    expect(world.clock.now() - before).toBeLessThan(300);
  });

  it("C-19: leaves a leader that is silent for a second when another leads", async () => {
    const world = await World.ofThree();
    const session = await world.session("a");
    await world.until(session.create("/x", value("1"), { ephemeral: true }));
    for (const other of ["a", "m2", "m3"]) world.network.cut("m1", other);
    world.quorum.members.get(1)!.consensus.isIsolated = true;
    await world.clock.advance(600);
    world.quorum.quorum.elect(2);
    const written = session.create("/y", value("1"));
    const before = world.clock.now();
    expect(await world.until(written, 3_000)).toMatchObject({ is: "done" });
    expect(world.clock.now() - before).toBeLessThan(2_500);
    expect(await world.until(session.exists("/x"))).toBe(true);
  });

  it.each(["nobody", "another member"])(
    "C-19: follows a member that was added again at another address, where %s answers at its old one",
    async (answers) => {
      const world = await World.ofThree();
      const session = await world.session("a");
      const owned = await world.until(session.create("/x", value("1"), { ephemeral: true }));
      expect(owned).toMatchObject({ is: "done" });
      await world.kill(2);
      await world.add(2, "moved");
      if (answers !== "nobody") await world.add(4, "m2");
      for (let round = 0; round < 3; round++) {
        world.quorum.quorum.elect(round === 1 ? 3 : 2);
        const before = world.clock.now();
        const written = session.set("/x", value("2"), "any");
        expect(await world.until(written, 3_000)).toMatchObject({ is: "done" });
        expect(world.clock.now() - before).toBeLessThan(2_500);
      }
      // One who begins with the old list finds it too.
      expect(await world.until((await world.session("b")).exists("/x"))).toBe(true);
    },
  );

  it("rejects a call after 30 s without a member, and reports a write in flight at the session's end as unknown", async () => {
    const world = await World.ofThree();
    const patient = await world.session("a", { timeoutMs: 120_000 });
    const hasty = await world.session("b", { timeoutMs: 2_000 });
    for (const id of [1, 2, 3]) await world.kill(id);
    const reading = patient.get("/");
    const writing = hasty.create("/x", value(""));
    await expect(world.until(reading, 32_000)).rejects.toThrow(/1 \(m1:2181\): UNAVAILABLE|connection refused/);
    expect(await writing).toEqual({ is: "unknown" });
    expect(await hasty.ended).toBe("expired");
    await expect(hasty.get("/")).rejects.toThrow("has ended");
  });

  it("C-03: is over by its own clock when no leader confirms it for longer than its timeout", async () => {
    const world = await World.ofThree();
    const session = await world.session("a", { timeoutMs: 2_000 });
    let ended: string | null = null;
    void session.ended.then((ending) => (ended = ending));
    // Still served by the old leader, which hears the client but no majority.
    world.quorum.members.get(1)!.consensus.isIsolated = true;
    const took = await world.eventually(() => ended !== null, 10_000);
    expect(ended).toBe("expired");
    expect(took).toBeGreaterThan(900);
    expect(took).toBeLessThan(2_500);
  });
});

describe("a watch", () => {
  it("C-07: sees every revision once and in order, across leaders and broken links", async () => {
    const world = await World.ofThree(7);
    const [writer, reader] = [await world.session("a"), await world.session("b")];
    const events = collect(reader.watch({ path: "/topics", recursive: true }));
    await world.clock.advance(50);
    const written: number[] = [];
    for (let round = 0; round < 40; round++) {
      const outcome = await world.until(writer.create("/topics/t-", value(String(round)), { sequential: true }));
      written.push(revisionOf(outcome));
      if (round % 5 === 4) world.quorum.quorum.elect(1 + (round % 3));
      if (round % 7 === 6) {
        world.network.cut("b", `m${world.quorum.quorum.leader}`);
        await world
          .until(writer.set("/topics", value(String(round)), "any"))
          .then((set) => written.push(revisionOf(set)));
        world.network.heal("b", `m${world.quorum.quorum.leader}`);
      }
    }
    await world.eventually(() => events.length > 0 && fold(events).revision >= written.at(-1)!);
    expect(events[0]?.is).toBe("snapshot");
    expect(events.filter((event) => event.is === "snapshot")).toHaveLength(1);
    const seen = events.filter((event) => event.is === "changes").map((event) => event.revision);
    expect(seen).toEqual(written);
  });

  it("C-08: delivers the event before the reply that reveals it", async () => {
    const world = await World.ofThree();
    const [writer, reader] = [await world.session("a"), await world.session("b")];
    const events = collect(reader.watch({ path: "/topics", recursive: true }));
    await world.clock.advance(50);
    for (let round = 0; round < 20; round++) {
      void writer.create(`/topics/${round}`, value(""));
      for (;;) {
        const isThere = await world.until(reader.exists(`/topics/${round}`));
        await Promise.resolve();
        if (!isThere) continue;
        expect(fold(events).nodes.has(`/topics/${round}`)).toBe(true);
        break;
      }
    }
  });

  it("C-09: a bookmark never overtakes an event", async () => {
    const world = await World.ofThree();
    const [writer, reader] = [await world.session("a"), await world.session("b")];
    const events = collect(reader.watch({ path: "/topics", recursive: true }));
    for (let round = 0; round < 300; round++) {
      await world.until(writer.create(`/topics/${round}`, value("")));
      await world.clock.advance(7);
    }
    expect(fold(events).nodes.size).toBe(301);
    expect(events.filter((event) => event.is === "bookmark").length).toBeGreaterThan(4);
  });

  it("resumes from a revision, sees only what it asked for, and ends when closed", async () => {
    const world = await World.ofThree();
    const session = await world.session("a");
    const first = revisionOf(await world.until(session.create("/topics/a", value("1"))));
    await world.until(session.create("/topics/b", value("1")));
    await world.until(session.set("/topics/a", value("2"), "any"));
    const watch = session.watch({ path: "/topics/a", recursive: false, fromRevision: first });
    const events = collect(watch);
    await world.clock.advance(50);
    expect(events).toMatchObject([
      { is: "changes", revision: first + 2, changed: [{ path: "/topics/a", version: 2 }] },
    ]);
    watch.close();
    await world.until(session.set("/topics/a", value("3"), "any"));
    await world.clock.advance(1_000);
    expect(events).toHaveLength(1);
  });

  it("C-07: says COMPACTED to a caller who comes too late, and begins a new picture for one that fell behind", async () => {
    const world = await World.ofThree(1, { revisionsMax: 100, ageMsMax: 1e9 });
    const [writer, reader] = [await world.session("a"), await world.session("b")];
    const events = collect(reader.watch({ path: "/topics", recursive: true }));
    await world.clock.advance(50);
    for (const member of ["m1", "m2", "m3"]) world.network.cut("b", member);
    for (let round = 0; round < 300; round += 100)
      await world.until(
        Promise.all(Array.from({ length: 100 }, () => writer.set("/topics", value(String(round)), "any"))),
      );
    await world.eventually(() => !reader.connected);
    for (const member of ["m1", "m2", "m3"]) world.network.heal("b", member);
    await world.eventually(() => fold(events).nodes.get("/topics") === "200");
    expect(events.filter((event) => event.is === "snapshot")).toHaveLength(2);
    const late = collect(writer.watch({ path: "/topics", recursive: true, fromRevision: 1 }));
    await world.clock.advance(50);
    expect(late).toEqual([{ is: "compacted", oldest: 201 }]);
  });

  it("C-10: a watch from a revision still to come sees nothing before it, whoever leads", async () => {
    const world = await World.ofThree();
    const session = await world.session("a");
    const now = revisionOf(await world.until(session.set("/topics", value("0"), "any")));
    const events = collect(session.watch({ path: "/topics", recursive: false, fromRevision: now + 3 }));
    for (const text of ["1", "2"]) await world.until(session.set("/topics", value(text), "any"));
    world.quorum.quorum.elect(2);
    for (const text of ["3", "4"]) await world.until(session.set("/topics", value(text), "any"));
    await world.clock.advance(50);
    expect(events.filter((event) => event.is === "changes")).toMatchObject([{ revision: now + 4 }]);
  });

  it("loses nothing for a reader that reads slowly", async () => {
    const world = await World.ofThree();
    const [writer, reader] = [await world.session("a"), await world.session("b")];
    const iterator = reader.watch({ path: "/topics", recursive: true })[Symbol.asyncIterator]();
    const first = await world.until(iterator.next());
    const events = [first.value!];
    for (let round = 0; round < 60; round++)
      await world.until(Promise.all(Array.from({ length: 100 }, () => writer.set("/topics", value("x"), "any"))));
    while (events.filter((event) => event.is === "changes").length < 6_000) {
      const { value: event } = await world.until(iterator.next());
      if (event) events.push(event);
    }
    expect(() => fold(events)).not.toThrow();
    expect(events.filter((event) => event.is === "snapshot")).toHaveLength(1);
  });
});

describe("the past", () => {
  it("is read as it was, by number, also from another leader", async () => {
    const world = await World.ofThree();
    const session = await world.session("a", { name: "writer" });
    const first = revisionOf(await world.until(session.create("/topics/a", value("1"))));
    await world.until(session.set("/topics/a", value("2"), 1));
    await world.until(session.delete("/topics/a", "any"));
    world.quorum.quorum.elect(2);
    const [was, gone] = [session.getAt("/topics/a", first), session.getAt("/topics/a", first + 2)];
    expect(await world.until(was)).toMatchObject({ is: "found", value: { version: 1, data: value("1") } });
    expect(await world.until(gone)).toEqual({ is: "found", value: null });
    const names = session.childrenAt("/topics", first + 1);
    expect(await world.until(names)).toEqual({ is: "found", value: ["a"] });
    expect(await world.until(session.getAt("/topics", first + 3))).toEqual({ is: "future", newest: first + 2 });
    const log = await world.until(session.log({ path: "/topics/a", recursive: false }));
    const who = { session: session.id, name: "writer", path: "/topics/a" };
    expect(log).toMatchObject({
      is: "found",
      value: [
        { ...who, revision: first, kind: "created", version: 1 },
        { ...who, revision: first + 1, kind: "set", version: 2 },
        { ...who, revision: first + 2, kind: "deleted", version: 2 },
      ],
    });
  });

  it("ends where the configuration says, by revisions and by age, on every member alike", async () => {
    const world = await World.ofThree(1, { revisionsMax: 32, ageMsMax: 160_000 });
    const session = await world.session("a");
    for (let at = 0; at < 60; at++) await world.until(session.set("/topics", value(String(at)), "any"));
    await world.clock.advance(2_000);
    const oldest = (): number[] =>
      [...world.quorum.members.values()].map(({ machine }) => machine.state.history.oldest);
    const { revision } = world.quorum.members.get(1)!.machine.state;
    expect(oldest()).toEqual([revision - 32, revision - 32, revision - 32]);
    const tooOld = { is: "compacted", oldest: revision - 32 };
    expect(await world.until(session.getAt("/topics", revision - 33))).toEqual(tooOld);
    expect(await world.until(session.log({ path: "/", recursive: true, afterRevision: 0 }))).toEqual(tooOld);
    await world.clock.advance(172_000);
    expect(oldest()).toEqual([revision, revision, revision]);
    const now = await world.until(session.getAt("/topics", revision));
    expect(now).toMatchObject({ is: "found", value: { data: value("59") } });
  });

  it("comes in as many pages as it needs", async () => {
    const world = await World.ofThree();
    const session = await world.session("a");
    for (let round = 0; round < 25; round++)
      await world.until(Promise.all(Array.from({ length: 100 }, () => session.set("/topics", value("x"), "any"))));
    const log = await world.until(session.log({ path: "/topics", recursive: true, afterRevision: 1 }));
    expect(log.is === "found" && log.value.map(({ version }) => version)).toEqual(
      Array.from({ length: 2_500 }, (_, at) => at + 2),
    );
  });
});
