import { ConfigError, listOf } from "./definition.ts";

export type Address = { readonly host: string; readonly port: number };
/** A place where clients connect, by the name that the advertised addresses go by. */
export type Listener = Address & { readonly name: string };

/** "host:port", "[::1]:port" or ":port". Throws ConfigError naming the setting. */
export function parseAddress(setting: string, text: string): Address {
  const parts = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text.trim());
  const port = Number(parts?.[3]);
  if (!parts || port > 65535)
    throw new ConfigError(
      `Invalid value ${text} for configuration ${setting}: expected HOST:PORT with a port up to 65535`,
    );
  return { host: parts[1] ?? parts[2] ?? "", port };
}

export const formatAddress = ({ host, port }: Address): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;

/** NAME://HOST:PORT, separated by commas; names are unique. */
export function parseListeners(setting: string, text: string): Listener[] {
  const listeners = listOf(text).map((item) => {
    const parts = /^([A-Za-z0-9_-]+):\/\/(.*)$/.exec(item);
    if (!parts) throw new ConfigError(`Invalid value ${item} for configuration ${setting}: expected NAME://HOST:PORT`);
    return { name: parts[1]!, ...parseAddress(setting, parts[2]!) };
  });
  if (listeners.length === 0)
    throw new ConfigError(`Invalid value for configuration ${setting}: at least one listener`);
  if (new Set(listeners.map(({ name }) => name)).size < listeners.length)
    throw new ConfigError(`Invalid value ${text} for configuration ${setting}: each listener needs a name of its own`);
  return listeners;
}

const everyInterface = new Set(["", "0.0.0.0", "::"]);

/** What clients are told per listener. A port of 0 stands for the port that the listener of that name gets. */
export function parseAdvertised(listeners: readonly Listener[], advertised: string | undefined): Listener[] {
  if (advertised === undefined)
    return listeners.map((listener) => ({
      ...listener,
      host: everyInterface.has(listener.host) ? "localhost" : listener.host,
    }));
  const parsed = parseListeners("advertised.listeners", advertised);
  for (const { name, host } of parsed) {
    if (!listeners.some((listener) => listener.name === name))
      throw new ConfigError(
        `Invalid value ${advertised} for configuration advertised.listeners: no listener is named ${name}`,
      );
    if (everyInterface.has(host))
      throw new ConfigError(
        `Invalid value ${advertised} for configuration advertised.listeners: clients can't connect to "${host}"`,
      );
  }
  return parsed;
}

/** ID=HOST:PORT, separated by commas. */
export function parseMembers(setting: string, text: string): Map<number, string> {
  const members = new Map<number, string>();
  for (const item of listOf(text)) {
    const parts = /^(\d+)[=@](.+)$/.exec(item);
    if (!parts) throw new ConfigError(`Invalid value ${item} for configuration ${setting}: expected ID=HOST:PORT`);
    members.set(Number(parts[1]), formatAddress(parseAddress(setting, parts[2]!)));
  }
  if (members.size === 0) throw new ConfigError(`Invalid value for configuration ${setting}: at least one member`);
  return members;
}

/** PLAINTEXT is the only protocol there is; a map that promises another one is refused rather than ignored. */
export function checkProtocols(map: string): void {
  for (const item of listOf(map)) {
    const [, protocol = ""] = item.split(":");
    if (protocol.trim().toUpperCase() !== "PLAINTEXT")
      throw new ConfigError(
        `Invalid value ${item} for configuration listener.security.protocol.map: only PLAINTEXT is supported`,
      );
  }
}
