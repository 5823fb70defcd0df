import { mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { silentLogger, SystemClock, SystemRandom } from "@odradek/kit";
import { freePorts } from "@odradek/kit/testing";
import { openSession } from "@odradek/metadata/client";
import { v8Flags } from "@odradek/metadata/v8-flags";
import { grpcRpc } from "@odradek/rpc";
import { GrpcConnection, method } from "./grpc-connection.ts";
import { OdradekClient } from "./odradek-client.ts";
import { MemberProcess, removeDirectory, temporaryDirectory } from "./processes.ts";
import { fieldsOf } from "./protobuf.ts";
import { connectToLeader, members, pause, type Store, untilWorks, type Writer } from "./store.ts";

const main = resolve(import.meta.dirname, "../../../packages/metadata/src/main.ts");
const { version } = JSON.parse(
  readFileSync(resolve(import.meta.dirname, "../../../packages/metadata/package.json"), "utf8"),
) as { version: string };
const status = method("/odradek.metadata.v1.Metadata/Status");

/** Three members as `odradek dev` starts them. `profile`: a directory for a CPU profile of each. */
export async function odradekStore(parent: string, profile: string | null): Promise<Store> {
  const directory = temporaryDirectory(parent, "odradek");
  const ports = await freePorts(6);
  const client = ports.slice(0, 3);
  const addresses = new Map(members.map((at) => [at + 1, `127.0.0.1:${client[at]}`]));
  const peers = [...addresses].map(([id, address]) => `${id}=${address}`).join(",");
  const profiling = profile === null ? [] : ["--cpu-prof", "--cpu-prof-dir", profile];
  const processes = members.map((at) => {
    const data = join(directory, `m${at}`);
    mkdirSync(data);
    const listen = ["--listen", addresses.get(at + 1)!, "--health", `127.0.0.1:${ports[3 + at]}`];
    const flags = ["--id", String(at + 1), "--data-dir", data, ...listen, "--peers", peers];
    return new MemberProcess(
      [process.execPath, ...v8Flags, ...profiling, main, ...flags],
      join(directory, `m${at}.log`),
    );
  });
  /** Member ids start at 1; 0: it knows of no leader. */
  const leaderOf = (member: number): Promise<number> =>
    GrpcConnection.during(client[member]!, async (connection) =>
      Number(fieldsOf(await connection.call(status, Buffer.alloc(0))).get(4) ?? 0),
    );
  const store: Store = {
    name: "odradek",
    version,
    member: (member) => processes[member]!,
    connect: (member) => OdradekClient.open(client[member]!),
    leader: () =>
      untilWorks(async () => {
        const leaders = new Set(await Promise.all(members.map(leaderOf)));
        const [leader = 0] = leaders;
        if (leaders.size > 1 || leader === 0) throw new Error("they do not agree on a leader");
        return leader - 1;
      }),
    serves: (member) =>
      untilWorks(async () => {
        if ((await leaderOf(member)) === 0) throw new Error("it knows no leader");
      }),
    start: async () => {
      for (const member of processes) member.start();
      // A leader takes sessions once its first entry is applied.
      (await connectToLeader(store)).close();
    },
    stop: async () => {
      await Promise.all(processes.map((member) => (profile === null ? member.kill() : member.stop())));
      removeDirectory(directory);
    },
    writer: (path, onAck) => sessionWriter(addresses, path, onAck),
  };
  return store;
}

/** Our own client, as brokers use it: it has to notice the loss and to find the new leader by itself. */
async function sessionWriter(
  addresses: Map<number, string>,
  path: string,
  onAck: (begunMs: number) => void,
): Promise<Writer> {
  const ports = { rpc: grpcRpc(), clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
  const session = await openSession({ ...ports, members: addresses, connectTimeoutMs: 10_000, name: "bench" });
  for (const place of [path.slice(0, path.lastIndexOf("/")), path]) await session.create(place, Buffer.from("x"));
  let isOver = false;
  const loop = async (): Promise<void> => {
    while (!isOver) {
      const begunMs = performance.now();
      const outcome = await session.set(path, Buffer.from("x"), "any");
      if (outcome.is === "done") onAck(begunMs);
      else await pause(1);
    }
  };
  const writing = loop();
  return {
    stop: async () => {
      isOver = true;
      await writing.catch(() => {});
      await session.close();
    },
  };
}
