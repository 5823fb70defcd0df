import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { freePorts } from "@odradek/kit/testing";
import { GrpcConnection, method } from "./grpc-connection.ts";
import { peerStore } from "./peer-store.ts";
import { MemberProcess, temporaryDirectory } from "./processes.ts";
import { field, fieldsOf, numberField } from "./protobuf.ts";
import { members, type Store, type StoreClient } from "./store.ts";

const put = method("/etcdserverpb.KV/Put");
const range = method("/etcdserverpb.KV/Range");
const txn = method("/etcdserverpb.KV/Txn");
const watch = method("/etcdserverpb.Watch/Watch");
const status = method("/etcdserverpb.Maintenance/Status");

/** --max-txn-ops is 128 unless set. */
const transactionMax = 100;

/** etcd's v3 API. Reads are ranges of one key as they are by default: linearizable. */
export async function etcdClient(port: number): Promise<StoreClient> {
  const connection = await GrpcConnection.open(port);
  const write = async (path: string, data: Buffer): Promise<void> => {
    await connection.call(put, Buffer.concat([field(1, path), field(2, data)]));
  };
  return {
    create: write,
    write,
    createAll: async (paths, data) => {
      for (let at = 0; at < paths.length; at += transactionMax) {
        const puts = paths.slice(at, at + transactionMax).map((path) => {
          const request = Buffer.concat([field(1, path), field(2, data)]);
          return field(2, field(2, request)); // in "success": RequestOp with request_put
        });
        await connection.call(txn, Buffer.concat(puts));
      }
    },
    read: async (path) => {
      const answer = fieldsOf(await connection.call(range, field(1, path)));
      if (!answer.has(2)) throw new Error(`${path} is not there`);
    },
    watch: (path, onEvent) =>
      new Promise((resolve, reject) => {
        const send = connection.stream(watch, {
          message: (message) => {
            const answer = fieldsOf(message);
            if (answer.has(3)) resolve(); // created
            if (answer.has(11)) onEvent(); // events
          },
          end: () => reject(new Error("the watch ended")),
        });
        send(field(1, field(1, path)));
      }),
    close: () => connection.close(),
  };
}

export function etcdVersion(): string | null {
  try {
    return /etcd Version: (\S+)/.exec(execFileSync("etcd", ["--version"], { encoding: "utf8" }))?.[1] ?? "unknown";
  } catch {
    return null;
  }
}

/** Three members with etcd's defaults; only the log is quieter. */
export async function etcdStore(parent: string, version: string): Promise<Store> {
  const directory = temporaryDirectory(parent, "etcd");
  const ports = await freePorts(6);
  const client = ports.slice(0, 3);
  const cluster = members.map((at) => `m${at}=http://127.0.0.1:${ports[3 + at]}`).join(",");
  const processes = members.map((at) => {
    const [clientUrl, peerUrl] = [client[at], ports[3 + at]].map((port) => `http://127.0.0.1:${port}`) as [
      string,
      string,
    ];
    const addresses = [
      ["--listen-client-urls", clientUrl, "--advertise-client-urls", clientUrl],
      ["--listen-peer-urls", peerUrl, "--initial-advertise-peer-urls", peerUrl],
    ];
    const rest = ["--initial-cluster", cluster, "--log-level", "error", "--logger", "zap"];
    const command = ["etcd", "--name", `m${at}`, "--data-dir", join(directory, `m${at}`), ...addresses.flat(), ...rest];
    return new MemberProcess(command, join(directory, `m${at}.log`));
  });
  const statusOf = (port: number): Promise<{ id: bigint; leader: bigint }> =>
    GrpcConnection.during(port, async (connection) => {
      const answer = fieldsOf(await connection.call(status, Buffer.alloc(0)));
      const header = fieldsOf(answer.get(1) as Buffer);
      return { id: header.get(2) as bigint, leader: (answer.get(4) as bigint | undefined) ?? 0n };
    });
  return peerStore({
    ...{ name: "etcd", version, directory, processes },
    connect: (member) => etcdClient(client[member]!),
    leader: async () => {
      const all = await Promise.all(client.map(statusOf));
      const at = all.findIndex(({ id }) => all.every(({ leader }) => leader === id));
      if (at < 0) throw new Error("they do not agree on a leader");
      return at;
    },
    serve: async (member) => {
      const countOne = Buffer.concat([field(1, "/bench"), numberField(3, 1)]);
      await GrpcConnection.during(client[member]!, (connection) => connection.call(range, countOne));
    },
  });
}
