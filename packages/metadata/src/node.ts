import type { Clock, Files, Kv, Logger, Random, Rpc } from "@odradek/kit";
import { delay } from "@odradek/kit";
import type { RaftDriver } from "./raft/driver.ts";
import { MetadataService } from "./api/service.ts";
import type { MetadataConfig, ScrubLimits } from "./config.ts";
import { isDamage } from "./store/damage.ts";
import { distrustedFile, DistrustedError } from "./store/distrusted.ts";
import { Scrub } from "./store/scrub.ts";
import { SpaceWatch } from "./store/space.ts";
import { startConsensus } from "./raft/start.ts";
import type { CompactionLimits } from "./raft/compaction.ts";
import type { RaftLimits } from "./raft/options.ts";
import type { TreeResult } from "./tree/machine.ts";
import { TreeStateMachine } from "./tree/machine.ts";

/** Everything a node takes from the world. */
export type NodePorts = {
  clock: Clock;
  random: Random;
  files: Files;
  rpc: Rpc;
  logger: Logger;
  openKv: (directory: string) => Promise<Kv>;
  /** Instead of the usual ones. */
  limits?: Partial<RaftLimits & CompactionLimits>;
  /** The disk failed and the node stopped; unless given, the process ends. */
  onFailed?: (error: Error) => void;
};

export type MetadataNode = {
  /** Of the gRPC server. */
  readonly port: number;
  /** The tree as this member has it. */
  readonly machine: TreeStateMachine;
  readonly consensus: RaftDriver<TreeResult>;
  /** Resolves when a leader is known, this node or another. */
  readonly ready: Promise<void>;
  isReady(): boolean;
  /** Hands leadership over, ends its streams and closes the store. */
  close(): Promise<void>;
};

const readyPollMs = 10;
/** The note is not worth more: without it the next life finds out by itself. */
const noteMsMax = 5_000;

/** Starts one member of the coordination store. Rejects when the port is taken or the store can't be read. */
export async function startNode(config: MetadataConfig, ports: NodePorts): Promise<MetadataNode> {
  const { clock, files, rpc } = ports;
  // What was opened before something failed is closed again: whoever starts it may try once more.
  await using opened = new AsyncDisposableStack();
  files.makeDirectory(config.dataDirectory);
  const { space: limits } = config;
  const disk = limits ? await SpaceWatch.start({ ...ports, directory: config.dataDirectory, limits }) : null;
  opened.defer(() => disk?.close());
  const treeDirectory = `${config.dataDirectory}/tree`;
  const kv = await ports.openKv(treeDirectory);
  opened.defer(() => kv.close());
  const server = rpc.server();
  opened.defer(() => server.close());
  const machine = new TreeStateMachine();
  const consensus = await startConsensus({
    ...ports,
    ...(ports.onFailed && { onFailed: (error: Error) => void noted(error, ports, treeDirectory) }),
    id: config.id,
    stateMachine: machine,
    kv,
    directory: config.dataDirectory,
    members: [...config.members].map(([id, address]) => ({ id, address })),
    joining: config.join ?? false,
    rpcServer: server,
  });
  const service = new MetadataService({
    ...ports,
    consensus,
    machine,
    addresses: config.members,
    history: config.history,
    disk,
  });
  opened.defer(() => service.close());
  opened.defer(() => consensus.close());
  service.register(server);
  if (disk) {
    disk.onSpace = (space) => consensus.noteSpace(space);
    consensus.noteSpace(disk.space);
  }
  const scrub = config.scrub && scrubOf(kv, consensus, { ...ports, limits: config.scrub });
  opened.defer(() => scrub?.close());
  const port = await server.listen(config.listen);
  const running = opened.move();
  let isClosed = false;
  const isReady = (): boolean => consensus.leadership.is === "leader" || consensus.leadership.leader !== null;
  const waitReady = async (): Promise<void> => {
    while (!isReady() && !isClosed) await delay(clock, readyPollMs);
  };
  return {
    port,
    machine,
    consensus,
    ready: waitReady(),
    isReady,
    close: async () => {
      isClosed = true;
      await running.disposeAsync();
    },
  };
}

/** Notes what only the others know, or only work has met, before anybody starts this node again: its own checks would find nothing wrong with its store. */
async function noted(error: Error, ports: NodePorts, treeDirectory: string): Promise<void> {
  const { files, logger, clock, onFailed } = ports;
  try {
    if (error instanceof DistrustedError || isDamage(error)) {
      const note = files.replace(distrustedFile(treeDirectory), Buffer.from(error.message));
      await Promise.race([note, delay(clock, noteMsMax)]);
    }
  } catch (cause) {
    logger.error({ evt: "DISTRUST_NOT_NOTED", err: cause }, "the next start will have to find out again");
  }
  onFailed?.(error);
}

function scrubOf(
  kv: Kv,
  consensus: RaftDriver<TreeResult>,
  options: { clock: Clock; logger: Logger; limits: ScrubLimits },
): Scrub {
  return new Scrub({
    ...options,
    kv,
    still: (look) => consensus.still(look),
    onRot: (error) => consensus.noteRot(error),
  });
}
