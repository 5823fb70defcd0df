import { Failure } from "../terminal/failure.ts";
import { brokerDirectories, ownSetting } from "./shared-settings.ts";

/** What no broker would take, or not all brokers of `dev` together, is told before any starts. */
export async function refuseBadSettings(
  settings: readonly string[],
  { ephemeral }: { ephemeral: boolean },
): Promise<void> {
  if (settings.length === 0) return;
  const own = ownSetting(settings);
  if (own !== undefined) throw new Failure("usage", `--set ${own}: \`dev\` gives each node its own`);
  if (ephemeral && brokerDirectories(settings, "broker") !== null)
    throw new Failure("usage", "--ephemeral keeps nothing and --set log.dirs says where to keep it: give one of them");
  const { ConfigError, readBrokerConfig } = await import("@odradek/broker/config");
  try {
    readBrokerConfig({ settings });
  } catch (cause) {
    if (cause instanceof ConfigError) throw new Failure("usage", `--set: ${cause.message}`, { cause });
    throw cause;
  }
}
