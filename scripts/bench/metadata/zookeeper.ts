import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { freePorts } from "@odradek/kit/testing";
import { MemberProcess, removeDirectory, temporaryDirectory } from "./processes.ts";
import { persistentWriter } from "./persistent-writer.ts";
import { members, type Store, type StoreClient, untilWorks } from "./store.ts";
import { ZookeeperClient } from "./zookeeper-client.ts";

const jars = "/usr/share/java";
const java = "/usr/bin/java";

/** Null: not installed. The package's jar names the others that it needs. */
export function zookeeperVersion(): string | null {
  if (!existsSync(java) || !existsSync(jars)) return null;
  const jar = readdirSync(jars).find((name) => /^zookeeper-\d[\d.]*\.jar$/.test(name));
  return jar === undefined ? null : jar.slice("zookeeper-".length, -".jar".length);
}

/** As Debian's example says; any number of clients may come from one address, and no web server is started. */
const configuration = (directory: string, port: number, servers: readonly string[]): string =>
  [
    ...["tickTime=2000", "initLimit=10", "syncLimit=5", `dataDir=${directory}`],
    ...[`clientPort=${port}`, "clientPortAddress=127.0.0.1", "maxClientCnxns=0", "admin.enableServer=false"],
    ...servers.map((server, at) => `server.${at + 1}=${server}`),
  ].join("\n");

/** Three members with ZooKeeper's defaults and the heap that its own start script gives. */
export async function zookeeperStore(parent: string, version: string): Promise<Store> {
  const directory = temporaryDirectory(parent, "zookeeper");
  const ports = await freePorts(9);
  const client = ports.slice(0, 3);
  const servers = members.map((at) => `127.0.0.1:${ports[3 + at]}:${ports[6 + at]}`);
  writeFileSync(join(directory, "log4j.properties"), "log4j.rootLogger=OFF\n");
  const processes = members.map((at) => {
    const data = join(directory, `m${at}`);
    mkdirSync(data);
    writeFileSync(join(data, "myid"), String(at + 1));
    writeFileSync(join(data, "zoo.cfg"), configuration(data, client[at]!, servers));
    const classpath = [directory, join(jars, "zookeeper.jar"), join(jars, "slf4j-nop.jar")].join(":");
    const main = ["org.apache.zookeeper.server.quorum.QuorumPeerMain", join(data, "zoo.cfg")];
    return new MemberProcess([java, "-Xmx1000m", "-cp", classpath, ...main], join(directory, `m${at}.log`));
  });
  const open = (member: number): Promise<StoreClient> => ZookeeperClient.open(client[member]!);
  const store: Store = {
    name: "zookeeper",
    version,
    member: (member) => processes[member]!,
    connect: open,
    leader: () =>
      untilWorks(async () => {
        const modes = await Promise.all(members.map((member) => modeOf(client[member]!)));
        const at = modes.indexOf("leader");
        if (at < 0) throw new Error("nobody leads");
        return at;
      }),
    serves: (member) =>
      untilWorks(async () => {
        const session = await open(member);
        try {
          await session.read("/");
        } finally {
          session.close();
        }
      }),
    start: async () => {
      for (const member of processes) member.start();
      await Promise.all(members.map((member) => store.serves(member)));
    },
    stop: async () => {
      await Promise.all(processes.map((member) => member.kill()));
      removeDirectory(directory);
    },
    writer: (path, onAck) => persistentWriter(open, path, onAck),
  };
  return store;
}

/** What a member answers to the word "srvr". */
function modeOf(port: number): Promise<string | null> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.write("srvr"));
    socket.on("data", (bytes: Buffer) => (answer += bytes.toString()));
    socket.on("error", reject);
    socket.on("close", () => resolve(/Mode: (\w+)/.exec(answer)?.[1] ?? null));
  });
}
