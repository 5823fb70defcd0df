import { silentLogger } from "@odradek/kit";
import { VirtualClock } from "@odradek/kit/testing";
import { expect, it } from "vitest";
import { liveUntil } from "./lives.ts";
import type { MetadataNode } from "./node.ts";

const noSpace = new Error("can't open the store", {
  cause: Object.assign(new Error("No space left"), { code: "ENOSPC" }),
});

/** A process whose starts end as it is told: with an error, or with a node that the test can fail. */
class Process {
  readonly clock = new VirtualClock();
  readonly story: string[] = [];
  readonly ended: Promise<void>;
  fail: (error: Error) => void = () => {};
  stop: () => void = () => {};

  constructor(starts: (Error | "serves")[]) {
    const node = { ready: Promise.resolve(), close: () => Promise.resolve(void this.story.push("closed")) };
    this.ended = liveUntil({
      start: (onFailed) => {
        this.fail = onFailed;
        const next = starts.shift() ?? "serves";
        return next === "serves" ? Promise.resolve(node as unknown as MetadataNode) : Promise.reject(next);
      },
      onNode: (now) => void this.story.push(now ? "started" : "none"),
      onReady: () => void this.story.push("ready"),
      stopping: new Promise((resolve) => (this.stop = () => resolve("SIGTERM"))),
      clock: this.clock,
      logger: silentLogger,
    });
    this.ended.catch(() => {});
  }
}

it("L-11: a disk that fails ends a life of the node, and another one begins", async () => {
  const process = new Process(["serves", new Error("EIO"), "serves"]);
  await process.clock.advance(0);
  process.fail(new Error("fdatasync: EIO"));
  await process.clock.advance(400);
  expect(process.story).toEqual(["started", "ready", "none", "closed"]);
  await process.clock.advance(5_000);
  expect(process.story.slice(4)).toEqual(["none", "started", "ready"]);
  process.stop();
  await process.ended;
  expect(process.story.slice(7)).toEqual(["none", "closed"]);
});

it("R-20: waits for room at its first start, and can be stopped meanwhile", async () => {
  const process = new Process([noSpace, noSpace]);
  await process.clock.advance(3_000);
  expect(process.story.slice(0, 4)).toEqual(["none", "none", "started", "ready"]);
  const stuck = new Process(Array.from({ length: 99 }, () => noSpace));
  await stuck.clock.advance(30_000);
  stuck.stop();
  await stuck.ended;
  expect(stuck.story).not.toContain("started");
});

it("ends when its first start fails for another reason", async () => {
  await expect(new Process([new Error("the port is taken")]).ended).rejects.toThrow("the port is taken");
});
