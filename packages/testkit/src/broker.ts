import { type Broker, type BrokerPorts, startBroker } from "@odradek/broker/broker";
import { readBrokerConfig } from "@odradek/broker/config";
import { type Logger, NodeNet, SystemClock, SystemRandom } from "@odradek/kit";
import { MemoryFiles, type MemoryNetwork, MortalClock, mortalRpc } from "@odradek/kit/testing";
import { keptAlive } from "./alive.ts";
import { mortalFiles, mortalNet } from "./life.ts";

export type BrokerParts = {
  readonly id: number;
  /** Names in the network of all whom this one talks to. */
  readonly peers: readonly string[];
  readonly network: MemoryNetwork;
  readonly settings: ReadonlyMap<string, string>;
  readonly logger: Logger;
};

export const brokerName = (id: number): string => `broker-${id}`;

/** From a start to whatever ends it: it starts, it serves, and perhaps it stops in order before it is over. */
type Life = {
  readonly clock: MortalClock;
  /** Resolves with its end, however that comes. */
  readonly over: Promise<null>;
  /** Null until it serves. */
  broker: Broker | null;
  started: Promise<void> | null;
  stopped: Promise<void> | null;
};

function newLife(): Life {
  const clock = new MortalClock(new SystemClock());
  const over = new Promise<null>((resolve) => clock.onDeath(() => resolve(null)));
  return { clock, over, broker: null, started: null, stopped: null };
}

/** One broker of a cluster in this process, over all its lives. Its logs are in memory and outlive it. */
export class TestBroker {
  readonly id: number;
  readonly #parts: BrokerParts;
  readonly #files: MemoryFiles;
  /** Null while it is down. */
  #life: Life | null = null;
  #isCutOff = false;
  #isClosed = false;
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

  /** It serves: it neither starts nor stops. */
  get isRunning(): boolean {
    return this.#life !== null && this.#life.broker !== null && this.#life.stopped === null;
  }

  /** What it says of the cluster can be true: cut off it does not hear who leads now. */
  get isInformed(): boolean {
    return this.isRunning && !this.#isCutOff;
  }

  /** Resolves when it serves, or when somebody has ended it before it did. Waits for a stop under way; does nothing while it runs. */
  async start(): Promise<void> {
    if (this.#isClosed) throw new Error(`broker ${this.id} can't start: its cluster is closed`);
    if (this.#life?.stopped) await this.#life.over;
    if (this.#isClosed) return;
    const life = (this.#life ??= newLife());
    await (life.started ??= keptAlive(() => this.#serve(life)));
  }

  async #serve(life: Life): Promise<void> {
    const { clock, over } = life;
    try {
      const { config } = readBrokerConfig({ settings: this.#settings() });
      const broker = await Promise.race([startBroker(config, this.#ports(clock)), over]);
      if (broker === null || clock.isDead) return;
      life.broker = broker;
      this.#port = broker.ports.kafka;
      broker.failed.catch((error: unknown) => this.#gaveUp(life, error));
    } catch (error) {
      if (clock.isDead) return;
      this.#end(life);
      throw error;
    }
  }

  #gaveUp(life: Life, err: unknown): void {
    if (life.clock.isDead) return;
    this.#parts.logger.error({ evt: "FAILED", err }, `broker ${this.id} gave up`);
    this.#end(life);
  }

  /** At once and without a word to anybody, as `kill -9` ends a process, whether it starts, runs or stops. */
  kill(): void {
    if (this.#life !== null) this.#end(this.#life);
  }

  /** As by a failed switch: it reaches neither the other brokers nor the coordination store, while clients still reach it. */
  cutOff(): void {
    this.#isCutOff = true;
    for (const peer of this.#parts.peers) this.#parts.network.cut(this.#name, peer);
  }

  /** Undoes `cutOff`. */
  reconnect(): void {
    this.#isCutOff = false;
    for (const peer of this.#parts.peers) this.#parts.network.heal(this.#name, peer);
  }

  /** In order, as on SIGTERM: its leaderships are handed over first. One that still starts has nothing to hand over, and ends at once. */
  stop(): Promise<void> {
    return this.#stop({ handOver: true });
  }

  /** Stops for good: nobody is left to take leaderships, and it starts no more. */
  close(): Promise<void> {
    this.#isClosed = true;
    return this.#stop({ handOver: false });
  }

  async #stop(options: { handOver: boolean }): Promise<void> {
    const life = this.#life;
    if (life === null) return;
    const { broker } = life;
    if (broker === null) return this.#end(life);
    await (life.stopped ??= keptAlive(async () => {
      try {
        await Promise.race([broker.close(options), life.over]);
      } finally {
        this.#end(life);
      }
    }));
  }

  /** Does nothing when that life is over already. */
  #end(life: Life): void {
    if (this.#life !== life) return;
    this.#life = null;
    life.clock.die();
    this.#parts.network.crash(this.#name);
    this.#files.kill();
  }

  #ports(clock: MortalClock): BrokerPorts {
    const { network, logger } = this.#parts;
    return {
      clock,
      random: new SystemRandom(),
      files: mortalFiles(this.#files, clock),
      net: mortalNet(new NodeNet(), clock),
      rpc: mortalRpc(network.rpc(this.#name), clock),
      logger: logger.child({ broker: this.id }),
    };
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
