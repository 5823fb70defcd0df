import { MemoryNet, VirtualClock } from "@odradek/kit/testing";
import { test } from "vitest";
import { Producer } from "./producer.ts";

test("calls that wait one behind the other give up in time when nobody answers, and closing waits for no more", async ({
  expect,
}) => {
  const clock = new VirtualClock();
  const net = new MemoryNet(clock, { latencyMs: () => Infinity }).net("client");
  const limits = { connectTimeoutMs: 5_000, operationTimeoutMs: 60_000 };
  const producer = new Producer({ bootstrap: "nobody:9092", ports: { clock, net }, ...limits });
  const gaveUpMs: number[] = [];
  const send = () =>
    void producer.send({ topic: "t", messages: [{ value: "a" }] }).catch(() => gaveUpMs.push(clock.now()));
  for (let count = 0; count < 5; count++) send();
  await clock.advance(30_000);
  send();
  let closedMs = Infinity;
  void producer.close().then(() => (closedMs = clock.now()));
  await clock.advance(600_000);
  // Each has its own time, and an attempt that began in it may end.
  expect(gaveUpMs).toHaveLength(6);
  for (const atMs of gaveUpMs.slice(0, 5)) expect(atMs).toBeLessThan(65_000);
  expect(gaveUpMs[5]).toBeGreaterThan(80_000);
  expect(gaveUpMs[5]).toBeLessThan(95_000);
  expect(closedMs).toBe(gaveUpMs[5]);
});
