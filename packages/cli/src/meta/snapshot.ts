import { existsSync } from "node:fs";
import { open, readFile, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { NodeFiles, silentLogger, SystemClock, SystemRandom } from "@odradek/kit";
import { downloadSnapshot, type StoreSnapshot } from "@odradek/metadata/client";
import { encodeSnapshotFile, rescueSnapshot, restoreSnapshot } from "@odradek/metadata/offline";
import { type SnapshotFile, verifySnapshot } from "@odradek/metadata/offline";
import { Failure } from "../terminal/failure.ts";
import { type OutputOptions, print, printJson, tell } from "../terminal/output.ts";
import { rpc } from "./connection.ts";
import { askMembers, leaderOf } from "./status.ts";
import { membersOf, type MetaOptions, timeoutMsOf } from "./target.ts";

type Common = MetaOptions & OutputOptions & { file: string };

export async function save(options: Common): Promise<void> {
  refuseExisting(options.file);
  await write({ ...(await download(options)), savedAtMs: Date.now() }, options);
}

/** From the directory of a stopped member, when a majority of the members has lost its disks for good. */
export async function rescue(options: Common & { directory: string }): Promise<void> {
  const { file, directory } = options;
  refuseExisting(file);
  const rescued = await rescueSnapshot({ directory, files: new NodeFiles() }).catch((cause: Error) => {
    const why = cause.cause instanceof Error ? `${cause.message}: ${cause.cause.message}` : cause.message;
    throw new Failure("runtime", `${why}. A member that runs must be stopped first`, { cause });
  });
  const { snapshot, unconfirmed, hole } = rescued;
  tell(
    "WARNING: this is what ONE member had. What only the others had is lost, even if it was acknowledged. Use it only when a majority of the members " +
      "has lost its disks for good, and take the member with the newest revision.",
  );
  if (unconfirmed > 0)
    tell(
      `WARNING: up to ${unconfirmed} entries are in it of which this member did not know whether they were acknowledged.`,
    );
  if (hole !== null) tell(`WARNING: the disk of this member is damaged, too: ${hole}.`);
  await write({ ...snapshot, savedAtMs: Date.now() }, options);
  tell(`stop all members, then found a new cluster with it: odradek meta snapshot restore ${file} --data-dir DIR`);
}

function refuseExisting(file: string): void {
  if (existsSync(file)) throw new Failure("conflict", `${file} exists already`);
}

async function write(snapshot: SnapshotFile, options: Common): Promise<void> {
  const { file } = options;
  // Whole or not there: a half-written file must not pass for a backup.
  const partial = `${file}.partial`;
  const handle = await open(partial, "w");
  try {
    for (const part of encodeSnapshotFile(snapshot)) await handle.writeFile(part);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(partial, file);
  await new NodeFiles().syncDirectory(dirname(file));
  await show(snapshot, options);
}

export async function verify(options: Common): Promise<void> {
  await show(await readWhole(options.file), options);
}

export async function restore(options: Common & { "data-dir": string; members: string }): Promise<void> {
  const file = await readWhole(options.file);
  const ids = options.members.split(",").map(Number);
  if (ids.some((id) => !Number.isSafeInteger(id) || id < 1) || new Set(ids).size !== ids.length)
    throw new Failure("usage", `not a list of member ids: ${options.members} (1,2,3)`);
  const directories = new Map(ids.map((id) => [id, join(options["data-dir"], `metadata-${id}`)]));
  const taken = [...directories.values()].find((directory) => new NodeFiles().list(directory).length > 0);
  if (taken !== undefined) throw new Failure("conflict", `${taken} is not empty`);
  const ports = { files: new NodeFiles(), random: new SystemRandom(), logger: silentLogger };
  const clusterId = await restoreSnapshot({ file, directories, ...ports });
  tell(
    "warning: brokers' logs may be ahead of the snapshot. Stop all brokers before the restored nodes start, and start all of them together afterwards. " +
      "See docs/formats/metadata-snapshot.md",
  );
  const rows = [...directories].map(([member, directory]) => ({ member, directory, clusterId }));
  if (options.output === "json") return printJson(rows);
  await print(rows.map(({ directory }) => `${directory}\n`).join(""));
  tell(`a new cluster, ${clusterId}, that goes on from revision ${file.revision}`);
}

async function download(options: Common): Promise<StoreSnapshot> {
  const leader = leaderOf(await askMembers(membersOf(options)));
  if (!leader) throw new Failure("cannotConnect", "no member leads");
  const { address } = leader;
  const asked = { address, rpc, timeoutMs: timeoutMsOf(options), clock: new SystemClock() };
  try {
    const snapshot = await downloadSnapshot(asked);
    if (snapshot) return snapshot;
  } catch (cause) {
    throw new Failure("runtime", (cause as Error).message, { cause });
  }
  throw new Failure("unhealthy", "the leader has changed: try again");
}

async function readWhole(file: string): Promise<SnapshotFile> {
  if (!existsSync(file)) throw new Failure("notFound", `there is no ${file}`);
  try {
    return verifySnapshot(await readFile(file));
  } catch (cause) {
    throw new Failure("runtime", `${file}: ${(cause as Error).message}`, { cause });
  }
}

async function show(snapshot: SnapshotFile, { file, output }: Common): Promise<void> {
  const { clusterId, revision, nodes, sessions, index, term, savedAtMs, data } = snapshot;
  const saved = new Date(savedAtMs).toISOString();
  if (output === "json")
    return printJson({ file, clusterId, revision, nodes, sessions, index, term, saved, bytes: data.length });
  if (output === "name") return print(`${file}\n`);
  await print(
    `${file}  cluster ${clusterId}  revision ${revision}  nodes ${nodes}  sessions ${sessions}  saved ${saved}\n`,
  );
}
