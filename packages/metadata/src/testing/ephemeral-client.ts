// A client in a process of its own, to be killed: opens a session, creates the ephemeral nodes it is told, says so, and stays.
import { silentLogger, SystemClock, SystemRandom } from "@odradek/kit";
import { grpcRpc } from "@odradek/rpc";
import { openSession } from "../client/index.ts";
import { parseMembers } from "../config.ts";

const [peers = "", ...paths] = process.argv.slice(2);
const session = await openSession({
  members: parseMembers(peers),
  rpc: grpcRpc(),
  clock: new SystemClock(),
  random: new SystemRandom(),
  logger: silentLogger,
  connectTimeoutMs: 10_000,
});
for (const path of paths) await session.create(path, Buffer.from("here"), { ephemeral: true });
process.stdout.write(`${JSON.stringify({ evt: "READY" })}\n`);
setInterval(() => {}, 1_000);
