import { readFileSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { Socket } from "node:net";
import { descriptorLimit, descriptorShares, type Logger, NodeNet, surroundings, SystemRandom } from "@odradek/kit";
import { grpcRpc } from "@odradek/rpc";
import { pino } from "pino";
import { type Broker, type BrokerPorts, startBroker } from "./broker.ts";
import { type BrokerConfig, ConfigError, readBrokerConfig } from "./config.ts";
import { lockDirectories } from "./disk/directory-lock.ts";
import { type Flags, helpText, readFlags } from "./config/flags.ts";
import { v8Flags } from "./v8-flags.ts";

/** A stop that takes longer is not worth waiting for: whatever was acknowledged is in the logs. */
const STOP_MS_MAX = 8000;

/** The life of one broker as a process: flags, log lines, signals, exit code. */
export async function run(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<void> {
  const started = configure(args, environment);
  if (started === null) return;
  const { config, flags, warnings } = started;
  const logger = pino(
    { base: { role: "broker", brokerId: config.brokerId }, level: environment["LOG_LEVEL"] ?? "info" },
    pino.destination({ dest: 1, sync: true }),
  ) as Logger;
  for (const warning of warnings) logger.warn({ evt: "CONFIG" }, warning);
  warnOfMissingFlags(logger);
  const fail = (cause: unknown): never => {
    logger.error({ evt: "FAILED", err: cause }, cause instanceof Error ? cause.message : String(cause));
    return leave(logger, 1);
  };
  // A belief of the code does not hold: going on could only spread it.
  process.on("uncaughtException", fail);
  process.on("unhandledRejection", fail);
  try {
    await serve(withinDescriptors(config, logger), portsOf(environment, logger), stopRequests(flags.controlFd));
    leave(logger, 0);
  } catch (cause) {
    fail(cause);
  }
}

/** Null: help was given, or what is wrong was said. */
function configure(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): { config: BrokerConfig; flags: Flags; warnings: string[] } | null {
  try {
    const flags = readFlags(args);
    if (flags.help) {
      process.stdout.write(helpText());
      return null;
    }
    const file = flags.configFile === null ? {} : { file: readFileSync(flags.configFile, "utf8") };
    return { flags, ...readBrokerConfig({ ...file, environment, settings: flags.settings }) };
  } catch (error) {
    if (!(error instanceof ConfigError) && (error as NodeJS.ErrnoException).syscall === undefined) throw error;
    process.stderr.write(`${(error as Error).message}\nTry --help.\n`);
    process.exitCode = 2;
    return null;
  }
}

/** Connections must leave descriptors for files, however many are configured (RELIABILITY L-25). */
function withinDescriptors(config: BrokerConfig, logger: Logger): BrokerConfig {
  const limit = descriptorLimit();
  const shares = descriptorShares(limit);
  const connectionsMax = Math.min(config.network.connectionsMax, shares.connections);
  const fields = { evt: "DESCRIPTORS", limit, files: shares.files, connectionsMax };
  logger.info(fields, `takes ${connectionsMax} connections and keeps ${shares.files} files open (ulimit -n ${limit})`);
  return { ...config, network: { ...config.network, connectionsMax } };
}

type StopRequest = { readonly why: string; readonly handOver: boolean };

function portsOf(environment: NodeJS.ProcessEnv, logger: Logger): BrokerPorts {
  const { clock, files, routes } = surroundings(environment);
  return { clock, files, random: new SystemRandom(), net: new NodeNet(), rpc: grpcRpc({ routes }), logger };
}

async function serve(config: BrokerConfig, ports: BrokerPorts, stopping: Promise<StopRequest>): Promise<void> {
  const { logger } = ports;
  await lockDirectories(config.dataDirectories, ports);
  const starting = startBroker(config, ports);
  const first = await Promise.race([starting, stopping]);
  if ("why" in first) return;
  const broker: Broker = first;
  logger.info({ evt: "READY", ports: broker.ports }, `broker ${config.brokerId} serves`);
  flushCompileCache();
  const { why, handOver } = await Promise.race([stopping, broker.failed]);
  logger.info({ evt: "STOPPING", why }, `broker ${config.brokerId} stops: ${why}`);
  // Ends the process even when something below hangs; Node may also hang in its own exit, so the last line comes first.
  setTimeout(() => leave(logger, 1), STOP_MS_MAX).unref();
  await broker.close({ handOver });
}

/** Resolves with the reason: a signal, or the end of the pipe whose other end our starter holds. */
function stopRequests(controlFd: number | null): Promise<StopRequest> {
  return new Promise((resolve) => {
    process.once("SIGTERM", () => resolve({ why: "SIGTERM", handOver: true }));
    process.once("SIGINT", () => resolve({ why: "SIGINT", handOver: true }));
    if (controlFd === null) return;
    const pipe = new Socket({ fd: controlFd, readable: true, writable: false });
    pipe.on("error", () => pipe.destroy());
    pipe.on("close", () => resolve({ why: "the starter is gone", handOver: false }));
    pipe.resume();
    pipe.unref();
  });
}

function warnOfMissingFlags(logger: Logger): void {
  const names = v8Flags.map((flag) => flag.split("=", 1)[0]!);
  const missing = names.filter((flag) => !process.execArgv.some((given) => given.startsWith(flag)));
  if (missing.length > 0)
    logger.warn({ evt: "FLAGS", missing }, `node was started without ${missing.join(" and ")}: slow under load`);
}

function leave(logger: Logger, code: number): never {
  logger.info({ evt: "STOPPED", code }, "stopped");
  process.exit(code);
}
