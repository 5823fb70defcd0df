import { ConnectError } from "../errors.ts";
import { BrokerConnection } from "./connection.ts";
import { type Address, type ClusterSettings, formatAddress } from "./options.ts";

/** Connections by name: made when they are first wanted, and anew when they have broken. */
export class ConnectionPool {
  readonly #settings: ClusterSettings;
  readonly #connections = new Map<string, Promise<BrokerConnection>>();
  #isClosed = false;

  constructor(settings: ClusterSettings) {
    this.#settings = settings;
  }

  /** Whoever comes while it is being made waits for the same one. Rejects with a ConnectError. */
  open(name: string, address: Address): Promise<BrokerConnection> {
    if (this.#isClosed)
      return Promise.reject(new ConnectError("closed", formatAddress(address), "this client is closed"));
    const open = this.#connections.get(name);
    if (open !== undefined)
      return open.then((connection) => (connection.isOpen ? connection : this.#reopen(name, open, address)));
    return this.#dial(name, address);
  }

  /** Ends the connections whose names begin so: what waits on them fails with `why`. */
  end(prefix: string, why?: string): void {
    for (const [name, connection] of this.#connections) {
      if (!name.startsWith(prefix)) continue;
      connection.then(
        (open) => open.close(why),
        () => undefined, // it never opened
      );
    }
  }

  close(): void {
    this.#isClosed = true;
    this.end("");
    this.#connections.clear();
  }

  #reopen(name: string, stale: Promise<BrokerConnection>, address: Address): Promise<BrokerConnection> {
    if (this.#connections.get(name) === stale) this.#connections.delete(name);
    return this.open(name, address);
  }

  #dial(name: string, address: Address): Promise<BrokerConnection> {
    const opening = BrokerConnection.open(address, this.#settings).then((connection) => {
      if (this.#isClosed) connection.close();
      return connection;
    });
    this.#connections.set(name, opening);
    opening.catch(() => {
      if (this.#connections.get(name) === opening) this.#connections.delete(name);
    });
    return opening;
  }
}
