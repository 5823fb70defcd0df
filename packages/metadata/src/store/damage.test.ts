import { silentLogger } from "@odradek/kit";
import { MemoryFiles, MemoryKv, MemoryNetwork, SeededRandom, VirtualClock } from "@odradek/kit/testing";
import { expect, test } from "vitest";

import { startNode } from "../node.ts";
import { encodeCommand } from "../tree/commands.ts";
import { distrustedFile } from "./distrusted.ts";

const session = { session: "s", timeoutMs: 6_000, name: "" };

/** Finds nothing wrong when rows are read in order, and some when they are looked for. */
class DamagedIndex extends MemoryKv {
  isDamaged = false;

  override get(key: Buffer): Buffer | undefined {
    if (this.isDamaged && key[0]! >= 0x40)
      throw Object.assign(new Error("corrupted block"), { code: "LEVEL_CORRUPTION" });
    return super.get(key);
  }
}

test("L-24: a store in which work meets damage is set aside by the next life, whatever reading it in order finds", async () => {
  const clock = new VirtualClock();
  const files = new MemoryFiles();
  const kv = new DamagedIndex({});
  const failed = Promise.withResolvers<Error>();
  const node = await startNode(
    {
      id: 1,
      dataDirectory: "/d",
      listen: "m1:2181",
      health: "",
      members: new Map([[1, "m1:2181"]]),
      controlFd: null,
    },
    {
      clock,
      random: new SeededRandom(1),
      files,
      rpc: new MemoryNetwork(clock, { latencyMs: 1 }).rpc("m1"),
      logger: silentLogger,
      openKv: () => Promise.resolve(kv),
      onFailed: failed.resolve,
    },
  );
  let error: Error | null = null;
  void failed.promise.then((cause) => (error = cause));
  while (!node.isReady()) await clock.advance(10);
  kv.isDamaged = true;
  void node.consensus.propose(encodeCommand({ is: "attach", epoch: 1, create: true, ...session }, 1));
  for (let at = 0; at < 1_000 && error === null; at++) await clock.advance(10);
  expect(error).toBeInstanceOf(Error);
  expect(files.exists(distrustedFile("/d/tree"))).toBe(true);
});
