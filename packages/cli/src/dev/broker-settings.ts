import { Failure } from "../terminal/failure.ts";

/** What no broker would take is told before any starts. */
export async function refuseBadSettings(settings: readonly string[]): Promise<void> {
  if (settings.length === 0) return;
  const { ConfigError, readBrokerConfig } = await import("@odradek/broker/config");
  try {
    readBrokerConfig({ settings });
  } catch (cause) {
    if (cause instanceof ConfigError) throw new Failure("usage", `--set: ${cause.message}`, { cause });
    throw cause;
  }
}
