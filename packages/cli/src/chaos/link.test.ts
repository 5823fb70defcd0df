import { once } from "node:events";
import { createConnection, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { eventually } from "@odradek/kit/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fair, Link, type Weather } from "./link.ts";

let there: Weather;
let back: Weather;
let server: Server;
let link: Link;
let dialler: Socket;
let target: Socket;
/** What has come out at either end. */
let atTarget: string;
let atDialler: string;
let closed: string[];
let chance: () => number;

beforeEach(async () => {
  [there, back, atTarget, atDialler] = [fair, fair, "", ""];
  chance = () => 0;
  const ends: string[] = [];
  closed = ends;
  server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  link = await Link.open((server.address() as AddressInfo).port, {
    there: () => there,
    back: () => back,
    random: { next: () => chance(), bytes: (count) => Buffer.alloc(count) },
  });
  const accepted = once(server, "connection") as Promise<[Socket]>;
  dialler = createConnection({ port: link.port, host: "127.0.0.1" });
  [target] = await accepted;
  target.on("data", (bytes) => (atTarget += bytes)).on("close", () => ends.push("target"));
  dialler.on("data", (bytes) => (atDialler += bytes)).on("close", () => ends.push("dialler"));
});

afterEach(() => {
  link.close();
  dialler.destroy();
  target.destroy();
  server.close();
});

test("passes bytes both ways, and the end of a connection", async () => {
  dialler.write("question");
  target.write("answer");
  await eventually("both", () => atTarget === "question" && atDialler === "answer");
  target.destroy();
  await eventually("the end", () => closed.includes("dialler"));
});

test("a cut direction loses nothing and says nothing; the other one goes on; what waited arrives when it is healed", async () => {
  there = { ...fair, isCut: true };
  dialler.write("lost? ");
  target.write("heard");
  await eventually("the other direction", () => atDialler === "heard");
  dialler.write("no");
  expect(atTarget).toBe("");
  there = fair;
  await eventually("the rest", () => atTarget === "lost? no");
});

test("the end of a connection is not heard through a cut", async () => {
  there = { ...fair, isCut: true };
  dialler.destroy();
  target.write("are you there?");
  await eventually("our end is closed", () => closed.includes("dialler"));
  expect(closed).toEqual(["dialler"]);
  there = fair;
  await eventually("the other end", () => closed.includes("target"));
});

test("a slow direction keeps the order and takes its time", async () => {
  back = { ...fair, delayMs: 60, jitterMs: 30 };
  const beganMs = performance.now();
  for (const word of ["one ", "two ", "three"]) target.write(word);
  dialler.write("fast");
  await eventually("the fast direction", () => atTarget === "fast");
  await eventually("all of it", () => atDialler === "one two three");
  expect(performance.now() - beganMs).toBeGreaterThanOrEqual(60);
});

test("jitter is drawn from the chance given", async () => {
  back = { ...fair, jitterMs: 60 };
  chance = () => 1;
  const beganMs = performance.now();
  target.write("late");
  await eventually("it", () => atDialler === "late");
  expect(performance.now() - beganMs).toBeGreaterThanOrEqual(60);
});

test("a throttled direction holds its sender back", async () => {
  back = { ...fair, bytesPerSecond: 16 * 1024 * 1024 };
  const beganMs = performance.now();
  target.end(Buffer.alloc(4 * 1024 * 1024, "x"));
  await eventually("all of it", () => atDialler.length === 4 * 1024 * 1024);
  expect(performance.now() - beganMs).toBeGreaterThanOrEqual(200);
});

test("a dialler of a target that is gone hears so at once", async () => {
  server.close();
  const late = createConnection({ port: link.port, host: "127.0.0.1" });
  await once(late, "close");
});
