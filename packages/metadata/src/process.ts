import { Socket } from "node:net";
import { flushCompileCache } from "node:module";
import type { Logger } from "@odradek/kit";
import { surroundings, SystemRandom } from "@odradek/kit";
import { grpcRpc } from "@odradek/rpc";
import { pino } from "pino";
import type { HealthServer } from "./api/health.ts";
import { serveHealth } from "./api/health.ts";
import type { MetadataConfig } from "./config.ts";
import { helpText, readConfig } from "./config.ts";
import { HungError, liveUntil } from "./lives.ts";
import type { MetadataNode } from "./node.ts";
import { startNode } from "./node.ts";
import { openLevel } from "./store/open-level.ts";

/** A stop that takes longer is not worth waiting for: whatever was acknowledged is on disk. */
const stopMs = 4_000;

/** The life of one metadata node as a process: flags, log lines, signals, exit code. */
export async function run(args: string[], environment: NodeJS.ProcessEnv): Promise<void> {
  if (args.includes("--help")) {
    process.stdout.write(helpText());
    return;
  }
  let config: MetadataConfig;
  try {
    config = readConfig(args, environment);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\nTry --help.\n`);
    process.exitCode = 2;
    return;
  }
  const logger = pino(
    {
      base: { role: "metadata", nodeId: config.id },
      level: environment["LOG_LEVEL"] ?? "info",
      serializers: { error: pino.stdSerializers.err },
    },
    pino.destination({ dest: 1, sync: true }),
  ) as Logger;
  const stopping = stopRequests(config.controlFd);
  try {
    await serve(config, environment, { logger, stopping });
    leave(logger, 0);
  } catch (error) {
    logger.error({ evt: "FAILED", err: error }, (error as Error).message);
    // Node's own exit would wait for what hangs.
    if (error instanceof HungError) process.kill(process.pid, "SIGKILL");
    leave(logger, 1);
  }
}

async function serve(
  config: MetadataConfig,
  environment: NodeJS.ProcessEnv,
  { logger, stopping }: { logger: Logger; stopping: Promise<string> },
): Promise<void> {
  const { clock, files, routes } = surroundings(environment);
  const ports = {
    clock,
    random: new SystemRandom(),
    files,
    rpc: grpcRpc({ routes }),
    logger,
    openKv: (directory: string) => openLevel({ directory, files, logger }),
  };
  let node: MetadataNode | null = null;
  const health: HealthServer = await serveHealth(config.health, () => node?.isReady() ?? false);
  const noted = stopping.then((why) => {
    logger.info({ evt: "STOPPING", why }, `metadata node ${config.id} stops: ${why}`);
    // Ends the process even when something below hangs; Node may also hang in its own exit, so the last line comes first.
    setTimeout(() => leave(logger, 1), stopMs).unref();
  });
  await liveUntil({
    ...ports,
    start: (onFailed) => startNode(config, { ...ports, onFailed }),
    onNode: (now) => (node = now),
    onReady: ({ port: grpc }) => {
      logger.info({ evt: "READY", ports: { grpc, health: health.port } }, `metadata node ${config.id} serves`);
      flushCompileCache();
    },
    stopping: noted,
  });
  await health.close();
}

/** Resolves with the reason: a signal, or the end of the pipe whose other end our starter holds. */
function stopRequests(controlFd: number | null): Promise<string> {
  return new Promise((resolve) => {
    process.once("SIGTERM", () => resolve("SIGTERM"));
    process.once("SIGINT", () => resolve("SIGINT"));
    if (controlFd === null) return;
    const pipe = new Socket({ fd: controlFd, readable: true, writable: false });
    pipe.on("error", () => pipe.destroy());
    pipe.on("close", () => resolve("the starter is gone"));
    pipe.resume();
    pipe.unref();
  });
}

function leave(logger: Logger, code: number): never {
  logger.info({ evt: "STOPPED", code }, "stopped");
  process.exit(code);
}
