import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { freePorts } from "@odradek/kit/testing";
import { peerStore } from "./peer-store.ts";
import { MemberProcess, temporaryDirectory } from "./processes.ts";
import { members, type Store } from "./store.ts";
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
  return peerStore({
    ...{ name: "zookeeper", version, directory, processes },
    connect: (member) => ZookeeperClient.open(client[member]!),
    leader: async () => {
      const at = (await Promise.all(client.map(modeOf))).indexOf("leader");
      if (at < 0) throw new Error("nobody leads");
      return at;
    },
    serve: async (member) => {
      const session = await ZookeeperClient.open(client[member]!);
      try {
        await session.read("/");
      } finally {
        session.close();
      }
    },
  });
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
