import type { Logger, Rpc, RpcClient } from "@odradek/kit";
import type { WireMember, WireStatus } from "./frames.ts";
import { metadataService } from "./frames.ts";

/** A member that does not answer this fast is not waited for: another may know. */
const askMs = 500;

/**
 * The members by id, one channel each, and the question who of them leads. Where they are is what we were configured with: the addresses that
 * members know of each other need not be ours (DESIGN D1). Only of those that were added since do we take their word.
 */
export class Members {
  readonly #configured: ReadonlySet<number>;
  readonly #addresses: Map<number, string>;
  readonly #rpc: Rpc;
  readonly #clients = new Map<number, RpcClient>();
  readonly #logger: Logger;
  /** The last thing that went wrong with each member, for error messages. */
  readonly #failures = new Map<number, string>();

  constructor(addresses: Map<number, string>, rpc: Rpc, logger: Logger) {
    this.#configured = new Set(addresses.keys());
    this.#addresses = new Map(addresses);
    this.#rpc = rpc;
    this.#logger = logger;
    for (const [id, address] of addresses) this.#clients.set(id, rpc.client(address));
  }

  client(id: number): RpcClient | undefined {
    return this.#clients.get(id);
  }

  /** What a member says of the members. `isAll`: it is the leader, and whoever it does not name is gone. */
  learn(members: readonly WireMember[], { isAll }: { isAll: boolean }): void {
    for (const { id, address } of members) {
      if (this.#configured.has(id) || address === "" || this.#addresses.get(id) === address) continue;
      this.#forget(id);
      this.#addresses.set(id, address);
      this.#clients.set(id, this.#rpc.client(address));
    }
    if (!isAll) return;
    const named = new Set(members.map(({ id }) => id));
    for (const id of this.#addresses.keys()) if (!named.has(id) && !this.#configured.has(id)) this.#forget(id);
  }

  #forget(id: number): void {
    this.#clients.get(id)?.close();
    this.#clients.delete(id);
    this.#addresses.delete(id);
    this.#failures.delete(id);
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
      this.learn(status.memberList, { isAll: false });
      if (status.leader !== 0 && this.#clients.has(status.leader)) return status.leader;
      this.failed(id, status.leader === 0 ? "knows no leader" : `follows member ${status.leader}, which is unknown`);
    } catch (error) {
      this.failed(id, (error as Error).message);
    }
    return null;
  }
}
