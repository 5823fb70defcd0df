import type { Logger, Rpc, RpcClient } from "@odradek/kit";
import type { WireMember, WireStatus } from "./frames.ts";
import { metadataService } from "./frames.ts";

/** A member that does not answer this fast is not waited for: another may know. */
const askMs = 500;

/** One of the addresses of a member. */
type Place = { readonly address: string; readonly client: RpcClient };

/**
 * The members by id, one channel each, and the question who of them leads. Where they are is what we were configured with: the addresses that
 * members know of each other need not be ours (DESIGN D1). Only of those that were added since do we take their word; and where one that we
 * were told of was added again at another address, we go there once it is not found where we were told.
 */
export class Members {
  readonly #configured: ReadonlyMap<number, string>;
  readonly #rpc: Rpc;
  readonly #places = new Map<number, Place>();
  /** The other address of members that have two, one configured and one they were added with. */
  readonly #others = new Map<number, Place>();
  readonly #logger: Logger;
  /** The last thing that went wrong with each member, for error messages. */
  readonly #failures = new Map<number, string>();

  constructor(addresses: ReadonlyMap<number, string>, rpc: Rpc, logger: Logger) {
    this.#configured = new Map(addresses);
    this.#rpc = rpc;
    this.#logger = logger;
    for (const [id, address] of addresses) this.#places.set(id, this.#place(address));
  }

  client(id: number): RpcClient | undefined {
    return this.#places.get(id)?.client;
  }

  /** What a member says of the members. `isAll`: it is the leader, and whoever it does not name is gone. */
  learn(members: readonly WireMember[], { isAll }: { isAll: boolean }): void {
    for (const { id, address, added } of members) {
      if (address === "") continue;
      if (this.#configured.has(id)) this.#learnOther(id, added ? address : null);
      else if (this.#places.get(id)?.address !== address) {
        this.#forget(id);
        this.#places.set(id, this.#place(address));
      }
    }
    if (!isAll) return;
    const named = new Set(members.map(({ id }) => id));
    for (const id of this.#places.keys()) {
      if (named.has(id)) continue;
      if (this.#configured.has(id)) this.#learnOther(id, null);
      else this.#forget(id);
    }
  }

  #place(address: string): Place {
    return { address, client: this.#rpc.client(address) };
  }

  /** Where a member that we were told of was added; null: nowhere. */
  #learnOther(id: number, address: string | null): void {
    const configured = this.#configured.get(id)!;
    const wanted = address === configured ? null : address;
    const learned = [this.#places.get(id), this.#others.get(id)].find((place) => place && place.address !== configured);
    if ((learned?.address ?? null) === wanted) return;
    if (learned === this.#places.get(id)) this.#tryOther(id);
    learned?.client.close();
    this.#others.delete(id);
    if (wanted !== null) this.#others.set(id, this.#place(wanted));
  }

  /** Not found at this address: at the other one next time. A link over this one stays. */
  #tryOther(id: number): void {
    const [place, other] = [this.#places.get(id), this.#others.get(id)];
    if (!place || !other) return;
    this.#places.set(id, other);
    this.#others.set(id, place);
  }

  #forget(id: number): void {
    this.#places.get(id)?.client.close();
    this.#places.delete(id);
    this.#failures.delete(id);
  }

  failed(id: number, why: string): void {
    this.#failures.set(id, why);
    this.#logger.debug({ member: id, why }, "metadata member did not help");
  }

  /** "1 (127.0.0.1:2181): UNAVAILABLE …, 2 (…): follows nobody": what to tell a person who waits. */
  describe(): string {
    return [...this.#places]
      .map(([id, { address }]) => `${id} (${address}): ${this.#failures.get(id) ?? "not asked yet"}`)
      .join(", ");
  }

  /**
   * Asks all members at once who leads. Answers as soon as one names a member other than `fallen`, or as soon as most
   * name `fallen` itself; null when nobody knows in time.
   */
  leader(fallen: number | null): Promise<number | null> {
    return new Promise((resolve) => {
      let open = this.#places.size;
      let naming = 0;
      const most = Math.floor(this.#places.size / 2) + 1;
      const heard = (leader: number | null): void => {
        open--;
        if (leader !== null && leader === fallen) naming++;
        if (leader !== null && (leader !== fallen || naming >= most)) resolve(leader);
        else if (open === 0) resolve(naming > 0 ? fallen : null);
      };
      for (const id of this.#places.keys()) void this.#ask(id).then(heard);
    });
  }

  close(): void {
    for (const { client } of [...this.#places.values(), ...this.#others.values()]) client.close();
  }

  async #ask(id: number): Promise<number | null> {
    const place = this.#places.get(id)!;
    const notFound = (why: string): void => {
      this.failed(id, why);
      if (this.#places.get(id) === place) this.#tryOther(id);
    };
    try {
      const status: WireStatus = await place.client.call(metadataService.Status, {}, { timeoutMs: askMs });
      this.learn(status.memberList, { isAll: false });
      if (status.id !== id) notFound(`member ${status.id} answers there`);
      else if (status.leader !== 0 && this.#places.has(status.leader)) return status.leader;
      else
        this.failed(id, status.leader === 0 ? "knows no leader" : `follows member ${status.leader}, which is unknown`);
    } catch (error) {
      notFound((error as Error).message);
    }
    return null;
  }
}
