import type { Cancel, Clock } from "../clock.ts";
import type { Rpc, RpcClient, RpcServer, RpcStream } from "../rpc.ts";

/** Time for one life of a simulated process: when it has died, none of its timers run. */
export class MortalClock implements Clock {
  readonly #clock: Clock;
  readonly #mourners: (() => void)[] = [];
  #isDead = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  die(): void {
    this.#isDead = true;
    for (const mourn of this.#mourners.splice(0)) mourn();
  }

  onDeath(mourn: () => void): void {
    this.#mourners.push(mourn);
  }

  now(): number {
    return this.#clock.now();
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  timer(delayMs: number, run: () => void): Cancel {
    return this.#clock.timer(delayMs, () => {
      if (!this.#isDead) run();
    });
  }

  afterTick(run: () => void): void {
    this.#clock.afterTick(() => {
      if (!this.#isDead) run();
    });
  }
}

/** Calls of one life: the dead reach nobody, and take no address from whoever comes after them. */
export function mortalRpc(rpc: Rpc, life: { readonly isDead: boolean }): Rpc {
  return {
    server: (): RpcServer => {
      const server = rpc.server();
      return {
        handle: (method, handler) => server.handle(method, handler),
        accept: (method, accept) => server.accept(method, accept),
        listen: (address) => (life.isDead ? new Promise(() => {}) : server.listen(address)),
        close: () => (life.isDead ? Promise.resolve() : server.close()),
      };
    },
    client: (address): RpcClient => {
      const client = rpc.client(address);
      return {
        call: (method, request, options) =>
          life.isDead ? new Promise(() => {}) : client.call(method, request, options),
        open: (method) => (life.isDead ? silentStream() : client.open(method)),
        close: () => client.close(),
      };
    },
  };
}

function silentStream<Out, In>(): RpcStream<Out, In> {
  return {
    send: () => true,
    queued: 0,
    drained: () => Promise.resolve(),
    onMessage: () => {},
    onEnded: () => {},
    end: () => {},
    cancel: () => {},
  };
}
