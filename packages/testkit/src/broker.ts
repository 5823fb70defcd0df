import { type Broker, startBroker } from "@odradek/broker/broker";
import { readBrokerConfig } from "@odradek/broker/config";
import { type Logger, NodeNet, SystemClock, SystemRandom } from "@odradek/kit";
import { MemoryFiles, type MemoryNetwork, MortalClock, mortalRpc } from "@odradek/kit/testing";
import { keptAlive } from "./alive.ts";
import { mortalNet } from "./life.ts";

export type BrokerParts = {
  readonly id: number;
  /** Names in the network of all whom this one talks to. */
  readonly peers: readonly string[];
  readonly network: MemoryNetwork;
  readonly settings: ReadonlyMap<string, string>;
  readonly logger: Logger;
};

export const brokerName = (id: number): string => `broker-${id}`;

type Life = { readonly clock: MortalClock; readonly broker: Broker };

/** One broker of a cluster in this process, over all its lives. Its logs are in memory and outlive it. */
export class TestBroker {
  readonly id: number;
  readonly #parts: BrokerParts;
  readonly #files: MemoryFiles;
  #life: Life | null = null;
  #starting: Promise<void> | null = null;
  /** 0 until the system has given one; kept from then on, as clients know it. */
  #port = 0;

  constructor(parts: BrokerParts) {
    this.id = parts.id;
    this.#parts = parts;
    this.#files = new MemoryFiles(parts.id);
  }

  /** "127.0.0.1:port", the same over all its lives. */
  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get isRunning(): boolean {
    return this.#life !== null;
  }

  /** Resolves when it serves. Does nothing while it runs. */
  async start(): Promise<void> {
    if (this.#life !== null) return;
    this.#starting ??= this.#begin().finally(() => (this.#starting = null));
    await this.#starting;
  }

  async #begin(): Promise<void> {
    const { network, logger } = this.#parts;
    const clock = new MortalClock(new SystemClock());
    const { config } = readBrokerConfig({ settings: this.#settings() });
    const ports = {
      clock,
      random: new SystemRandom(),
      files: this.#files,
      net: mortalNet(new NodeNet(), clock),
      rpc: mortalRpc(network.rpc(this.#name), clock),
      logger: logger.child({ broker: this.id }),
    };
    const broker = await keptAlive(() => startBroker(config, ports));
    this.#life = { clock, broker };
    this.#port = broker.ports.kafka;
    broker.failed.catch((error: unknown) => {
      if (clock.isDead) return;
      logger.error({ evt: "FAILED", err: error }, `broker ${this.id} gave up`);
      this.kill();
    });
  }

  /** At once and without a word to anybody, as `kill -9` ends a process. */
  kill(): void {
    const life = this.#life;
    if (life === null) return;
    this.#life = null;
    this.#end(life);
  }

  /** As by a failed switch: it reaches neither the other brokers nor the coordination store, while clients still reach it. */
  cutOff(): void {
    for (const peer of this.#parts.peers) this.#parts.network.cut(this.#name, peer);
  }

  /** Undoes `cutOff`. */
  reconnect(): void {
    for (const peer of this.#parts.peers) this.#parts.network.heal(this.#name, peer);
  }

  /** In order, as on SIGTERM: its leaderships are handed over first, unless nobody is there to take them. */
  async stop({ handOver = true }: { handOver?: boolean } = {}): Promise<void> {
    const life = this.#life;
    if (life === null) return;
    this.#life = null;
    await keptAlive(() => life.broker.close({ handOver }));
    this.#end(life);
  }

  #end({ clock }: Life): void {
    clock.die();
    this.#parts.network.crash(this.#name);
    this.#files.kill();
  }

  get #name(): string {
    return brokerName(this.id);
  }

  #settings(): string[] {
    return [
      ...[...this.#parts.settings].map(([name, value]) => `${name}=${value}`),
      `node.id=${this.id}`,
      "log.dir=/data",
      `listeners=PLAINTEXT://127.0.0.1:${this.#port}`,
      `odradek.grpc.listener=${this.#name}:19092`,
    ];
  }
}
