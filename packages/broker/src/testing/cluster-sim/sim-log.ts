import { type Logger, silentLogger } from "@odradek/kit";

/** What a simulated process logs: nothing, or with ODRADEK_SIM_LOG=1 in the environment each line with its time, for whoever looks into a seed. */
export function simLogger(name: string, nowMs: () => number): Logger {
  if (process.env["ODRADEK_SIM_LOG"] !== "1") return { ...silentLogger, child: () => silentLogger };
  const line = (fields: object, message: string): void =>
    void process.stdout.write(`${nowMs().toFixed(1)} ${name} ${message} ${JSON.stringify(fields, plain)}\n`);
  const logger: Logger = { debug: line, info: line, warn: line, error: line, child: () => logger };
  return logger;
}

const plain = (_key: string, value: unknown): unknown =>
  value instanceof Error
    ? `${value.message}${value.cause instanceof Error ? ` <- ${value.cause.message}` : ""}`
    : value;
