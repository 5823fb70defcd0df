// Adds one to /counter under the lock at /counter-lock: node add-one.ts 127.0.0.1:2181 127.0.0.1:2182 127.0.0.1:2183
import { silentLogger, SystemClock, SystemRandom } from "@odradek/kit";
import { openSession } from "@odradek/metadata/client";
import { grpcRpc } from "@odradek/rpc";
import { acquire, guarded } from "./lock.ts";

const session = await openSession({
  members: new Map(process.argv.slice(2).map((address, at) => [at + 1, address])),
  rpc: grpcRpc(),
  clock: new SystemClock({ keepsAlive: true }),
  random: new SystemRandom(),
  logger: silentLogger,
  connectTimeoutMs: 10_000,
  name: "add-one",
});
// Whoever is first makes the nodes; that they exist already is not a failure.
await session.create("/counter-lock", Buffer.alloc(0));
await session.create("/counter", Buffer.from("0"));

const lock = await acquire(session, "/counter-lock");
const counter = await session.get("/counter");
const next = Number(counter?.data) + 1;
const data = Buffer.from(String(next));
const written = await guarded(session, lock, [{ is: "set", path: "/counter", data, version: "any" }]);
const what = written.is === "done" ? `${next} at revision ${written.revision}` : `nothing done: ${written.is}`;
process.stdout.write(`${what}\n`);
await lock.release();
await session.close();
