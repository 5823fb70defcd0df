import type { Logger, Rpc, RpcClient } from "@odradek/kit";
import type { WireStatus } from "./frames.ts";
import { metadataService } from "./frames.ts";

/** A member that does not answer this fast is not waited for: another may know. */
const askMs = 500;

/** The members by id, one channel each, and the question who of them leads. */
export class Members {
  readonly #addresses: Map<number, string>;
  readonly #clients = new Map<number, RpcClient>();
  readonly #logger: Logger;
  /** The last thing that went wrong with each member, for error messages. */
  readonly #failures = new Map<number, string>();

  constructor(addresses: Map<number, string>, rpc: Rpc, logger: Logger) {
    this.#addresses = addresses;
    this.#logger = logger;
    for (const [id, address] of addresses) this.#clients.set(id, rpc.client(address));
  }

  client(id: number): RpcClient | undefined {
    return this.#clients.get(id);
  }

  failed(id: number, why: string): void {
    this.#failures.set(id, why);
    this.#logger.debug({ member: id, why }, "metadata member did not help");
  }

  /** "1 (127.0.0.1:2181): UNAVAILABLE …, 2 (…): follows nobody": what to tell a person who waits. */
  describe(): string {
    return [...this.#addresses]
      .map(([id, address]) => `${id} (${address}): ${this.#failures.get(id) ?? "not asked yet"}`)
      .join(", ");
  }

  /**
   * Asks all members at once who leads. Answers as soon as one names a member other than `fallen`, or as soon as most
   * name `fallen` itself; null when nobody knows in time.
   */
  leader(fallen: number | null): Promise<number | null> {
    return new Promise((resolve) => {
      let open = this.#clients.size;
      let naming = 0;
      const most = Math.floor(this.#clients.size / 2) + 1;
      const heard = (leader: number | null): void => {
        open--;
        if (leader !== null && leader === fallen) naming++;
        if (leader !== null && (leader !== fallen || naming >= most)) resolve(leader);
        else if (open === 0) resolve(naming > 0 ? fallen : null);
      };
      for (const id of this.#clients.keys()) void this.#ask(id).then(heard);
    });
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
  }

  async #ask(id: number): Promise<number | null> {
    try {
      const status: WireStatus = await this.#clients.get(id)!.call(metadataService.Status, {}, { timeoutMs: askMs });
      if (status.leader !== 0 && this.#clients.has(status.leader)) return status.leader;
      this.failed(id, status.leader === 0 ? "knows no leader" : `follows member ${status.leader}, which is unknown`);
    } catch (error) {
      this.failed(id, (error as Error).message);
    }
    return null;
  }
}
