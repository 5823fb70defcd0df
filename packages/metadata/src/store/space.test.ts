import { silentLogger } from "@odradek/kit";
import { MemoryFiles, VirtualClock } from "@odradek/kit/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { isNoSpace, type Space, SpaceWatch } from "./space.ts";

const limits = { lowBytes: 800, fullBytes: 200, ballastBytes: 100 };
const directory = "/node";
const ballast = `${directory}/ballast`;

let files: MemoryFiles;
let clock: VirtualClock;

beforeEach(() => {
  clock = new VirtualClock();
  files = new MemoryFiles();
  files.makeDirectory(directory);
});

/** Leaves so many bytes free. */
async function leave(freeBytes: number): Promise<void> {
  files.limitTo(Number.MAX_SAFE_INTEGER);
  files.limitTo(Number.MAX_SAFE_INTEGER - (await files.freeBytes(directory)) + freeBytes);
}

const start = (): Promise<SpaceWatch> => SpaceWatch.start({ files, clock, logger: silentLogger, directory, limits });

describe("R-20: room on the disk", () => {
  it("is told when it passes a limit, and again only when there is clearly more", async () => {
    await leave(10_000);
    const watch = await start();
    const told: Space[] = [];
    watch.onSpace = (space) => told.push(space);
    for (const freeBytes of [790, 810, 910, 190, 210, 230, 790, 910]) {
      await leave(freeBytes);
      await clock.advance(500);
    }
    expect(told).toEqual(["low", "ok", "full", "low", "ok"]);
    expect(watch.freeBytes).toBe(910);
    watch.close();
  });

  it("has a ballast that is made while there is room, and goes at a start on a full disk", async () => {
    await leave(10_000);
    const first = await start();
    await clock.advance(500);
    first.close();
    expect(files.readAll(ballast)?.length).toBe(limits.ballastBytes);
    await leave(0);
    const watch = await start();
    expect(watch.space).toBe("full");
    expect(files.exists(ballast)).toBe(false);
    await clock.advance(500);
    expect(watch.freeBytes).toBe(limits.ballastBytes);
    await leave(850);
    await clock.advance(500);
    expect(files.exists(ballast)).toBe(false);
    await leave(10_000);
    await clock.advance(500);
    expect(files.exists(ballast)).toBe(true);
    watch.close();
  });

  it("says that there is room again though no ballast can be written, and none that is half written counts", async () => {
    await leave(100);
    const watch = await start();
    const told: Space[] = [];
    watch.onSpace = (space) => told.push(space);
    files.failNextWrite({ path: ballast, bytesWritten: 10 });
    await leave(10_000);
    await clock.advance(500);
    expect(told).toEqual(["ok"]);
    expect(files.exists(ballast)).toBe(false);
    await leave(100);
    await clock.advance(500);
    await leave(10_000);
    await clock.advance(500);
    expect(files.readAll(ballast)?.length).toBe(limits.ballastBytes);
    watch.close();
  });

  it("does not take what its listener throws for news of the disk", async () => {
    await leave(10_000);
    const watch = await start();
    watch.onSpace = () => {
      throw new Error("broken invariant");
    };
    await leave(100);
    const unhandled = new Promise<unknown>((resolve) => process.once("unhandledRejection", resolve));
    await clock.advance(500);
    expect(await unhandled).toEqual(new Error("broken invariant"));
    watch.close();
  });

  it("tells a full disk from a broken one, however deep the reason lies", () => {
    const full = new Error("writing failed", { cause: Object.assign(new Error("x"), { code: "ENOSPC" }) });
    expect(isNoSpace(new Error("the store failed", { cause: full }))).toBe(true);
    expect(isNoSpace(new Error("IO error: tree/000005.ldb: No space left on device"))).toBe(true);
    expect(isNoSpace(new Error("EIO: i/o error, fdatasync"))).toBe(false);
  });
});
