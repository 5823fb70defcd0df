import { FileError, silentLogger } from "@odradek/kit";
import { VirtualClock } from "@odradek/kit/testing";
import { expect, it } from "vitest";
import { HungError, liveUntil } from "./lives.ts";
import type { MetadataNode } from "./node.ts";
import { DistrustedError } from "./store/distrusted.ts";
import { RotError } from "./store/scrub.ts";

const noSpace = new Error("can't open the store", {
  cause: Object.assign(new Error("No space left"), { code: "ENOSPC" }),
});

/** A process whose starts end as it is told: with an error, or with a node that the test can fail. */
class Process {
  readonly clock = new VirtualClock();
  readonly story: string[] = [];
  /** Events of the log. */
  readonly logged: unknown[] = [];
  close: () => Promise<void> = () => Promise.resolve(void this.story.push("closed"));
  readonly ended: Promise<void>;
  fail: (error: Error) => void = () => {};
  stop: () => void = () => {};

  constructor(starts: (Error | "serves")[]) {
    const node = { ready: Promise.resolve(), close: () => this.close() };
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
      logger: { ...silentLogger, error: (fields: { evt?: string }) => void this.logged.push(fields.evt) },
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

it("says what ended a life", async () => {
  const process = new Process([]);
  const errors = [
    noSpace,
    new RotError("a row is damaged"),
    new DistrustedError("a majority has another state"),
    new Error("the store failed", { cause: new FileError("sync", "/raft-mark", { code: "EIO" }) }),
    new Error("the port is taken"),
  ];
  for (const error of errors) {
    await process.clock.advance(5_000);
    process.fail(error);
  }
  await process.clock.advance(5_000);
  expect(process.logged).toEqual(["DISK_FULL", "ROT", "DISTRUSTED", "DISK_FAILED", "NODE_FAILED"]);
});

it("L-11: ends when a node that has failed can't be closed, for its disk hangs", async () => {
  const process = new Process([]);
  process.close = () => new Promise(() => {});
  await process.clock.advance(0);
  process.fail(new Error("fdatasync: EIO"));
  await process.clock.advance(10_000);
  await expect(process.ended).rejects.toThrow(HungError);
});

it("ends when its first start fails for another reason", async () => {
  await expect(new Process([new Error("the port is taken")]).ended).rejects.toThrow("the port is taken");
});
