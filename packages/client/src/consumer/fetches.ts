import { FetchApi, type FetchResponse } from "@odradek/protocol";
import type { Cluster } from "../cluster/cluster.ts";
import { versionMaxFor } from "../cluster/metadata.ts";
import { within } from "../cluster/retry.ts";
import { FetchSession, type Wanted } from "./fetch-session.ts";
import type { ConsumerSettings } from "./options.ts";

/** Fetches on the wire: one at a time to each broker, in a session with it. */
export class Fetches {
  readonly #cluster: Cluster;
  readonly #settings: ConsumerSettings;
  readonly #sessions = new Map<number, FetchSession>();
  readonly #busy = new Set<number>();

  constructor(cluster: Cluster, settings: ConsumerSettings) {
    this.#cluster = cluster;
    this.#settings = settings;
  }

  /** Whether a fetch to the broker is under way. */
  isBusy(broker: number): boolean {
    return this.#busy.has(broker);
  }

  /**
   * With a rack the broker may name a nearer one instead of answering. Null: it has forgotten our session, and the next fetch begins another.
   * Rejects as `Cluster.send` does.
   */
  async fetch(broker: number, wanted: readonly Wanted[], rackId: string): Promise<FetchResponse | null> {
    const session = this.#sessions.get(broker) ?? new FetchSession(this.#settings.partitionBytesMax);
    this.#sessions.set(broker, session);
    this.#busy.add(broker);
    const { maxWaitMs } = this.#settings;
    try {
      const response = await this.#cluster.send(
        broker,
        FetchApi,
        (version) => ({ ...this.#request(maxWaitMs, rackId), ...session.ask(wanted, version) }),
        {
          lane: "fetch",
          timeoutMs: maxWaitMs + this.#cluster.settings.requestTimeoutMs,
          mayWaitMs: maxWaitMs,
          versionMax: versionMaxFor(wanted.map(({ topicId }) => topicId)),
        },
      );
      return session.answered(response) ? response : null;
    } catch (error) {
      session.lost();
      throw error;
    } finally {
      this.#busy.delete(broker);
    }
  }

  /** Ends the sessions, if the brokers take note within `timeoutMs`: else they end when they are idle for long. */
  async close(timeoutMs: number): Promise<void> {
    const open = [...this.#sessions].filter(([, session]) => session.isOpen);
    // Not on the lane for fetches, which may be waiting for records.
    const ends = open.map(([broker, session]) =>
      this.#cluster.send(broker, FetchApi, { ...this.#request(0, ""), ...session.end() }, { timeoutMs }),
    );
    await within(this.#cluster.clock, timeoutMs, Promise.allSettled(ends));
  }

  #request(maxWaitMs: number, rackId: string) {
    const { minBytes, maxBytes, isolationLevel } = this.#settings;
    return { replicaId: -1, maxWaitMs, minBytes, maxBytes, isolationLevel, rackId };
  }
}
