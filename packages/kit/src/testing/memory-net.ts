import type { Clock } from "../clock.ts";
import type { Connection, Listener, Net, Sink } from "../net.ts";

/** Runs work in the process that an end of a connection belongs to: now, when it wakes up, or never. */
type Run = (work: () => void) => void;
type Address = { host: string; port: number };
type Listening = { node: string; run: Run; accept: (connection: Connection) => Sink };

/** `write` answers false from this many undelivered bytes on. */
const QUEUED_BYTES_MAX = 64 * 1024;

/**
 * The simulated twin of TCP: every node of a test has a `Net` of its own and reaches the others through this network. A cut link delays what
 * is sent until it is healed, as retransmission does; nothing is refused meanwhile. A crashed node's connections are reset.
 */
export class MemoryNet {
  readonly clock: Clock;
  readonly #latencyMs: () => number;
  readonly #listening = new Map<string, Listening>();
  readonly #ends = new Set<End>();
  readonly #cuts = new Set<string>();
  #nextPort = 50_000;

  constructor(clock: Clock, options: { latencyMs?: () => number } = {}) {
    this.clock = clock;
    this.#latencyMs = options.latencyMs ?? (() => 0);
  }

  /** The connections of the node `node`; `run` is the process that hears of them. */
  net(node: string, run: Run = (work) => work()): Net {
    return {
      listen: (address, accept) => this.#listen(address, { node, run, accept }),
      connect: (address, sink, { timeoutMs }) => this.#connect(address, { node, run, accept: sink }, timeoutMs),
    };
  }

  /** What `from` says does not reach `to` any more; the other way is open. */
  cutOneWay(from: string, to: string): void {
    this.#cuts.add(way(from, to));
  }

  heal(one: string, other: string): void {
    this.#cuts.delete(way(one, other));
    this.#cuts.delete(way(other, one));
    for (const end of this.#ends) end.flow();
  }

  isCut(from: string, to: string): boolean {
    return this.#cuts.has(way(from, to));
  }

  /** The node's process is gone: it listens no more, and its connections are reset. */
  crash(node: string): void {
    for (const [key, listening] of [...this.#listening]) if (listening.node === node) this.#listening.delete(key);
    for (const end of [...this.#ends]) if (end.node === node) end.die();
  }

  latency(): number {
    return this.#latencyMs();
  }

  forget(end: End): void {
    this.#ends.delete(end);
  }

  async #listen(address: Address, listening: Listening): Promise<Listener> {
    const port = address.port === 0 ? this.#nextPort++ : address.port;
    const key = `${address.host}:${port}`;
    if (this.#listening.has(key)) throw new Error(`can't listen on ${key}: in use`);
    this.#listening.set(key, listening);
    return {
      port,
      close: async () => {
        if (this.#listening.get(key) === listening) this.#listening.delete(key);
      },
    };
  }

  #connect(address: Address, client: Listening, timeoutMs: number): Promise<Connection> {
    const key = `${address.host}:${address.port}`;
    return new Promise((resolve, reject) => {
      let isOver = false;
      const settle = (outcome: () => void): void => {
        if (isOver) return;
        isOver = true;
        endWait();
        client.run(outcome);
      };
      const fail = (why: string): void => settle(() => reject(new Error(`TCP to ${key} failed: ${why}`)));
      const endWait = this.clock.timer(timeoutMs, () => fail(`no connection within ${timeoutMs} ms`));
      this.clock.timer(this.latency(), () => {
        const server = this.#listening.get(key);
        // A cut link answers nothing; the deadline ends the wait.
        if (isOver || (server && (this.isCut(client.node, server.node) || this.isCut(server.node, client.node))))
          return;
        if (!server) return fail("connection refused");
        const [near, far] = this.#pair(client, server);
        server.run(() => far.attach(server.accept(far)));
        this.clock.timer(this.latency(), () =>
          settle(() => {
            near.attach(client.accept(near));
            resolve(near);
          }),
        );
      });
    });
  }

  #pair(client: Listening, server: Listening): [near: End, far: End] {
    const near = new End(this, client, server.node);
    const far = new End(this, server, client.node);
    near.peer = far;
    far.peer = near;
    this.#ends.add(near).add(far);
    return [near, far];
  }
}

const way = (from: string, to: string): string => `${from} ${to}`;

/** Bytes, or the end of the stream: `reset` when the process at the other side is gone. */
type Parcel = { bytes: Buffer; written: (() => void) | undefined } | "end" | "reset";

const RESET_PLACE = -1;

/** One end of a connection. What it sends arrives in order, however often the link is cut meanwhile. */
class End implements Connection {
  readonly node: string;
  readonly remoteAddress: string;
  peer: End | null = null;
  queuedBytes = 0;
  onDrain: () => void = () => {};
  onClosed: (error: Error | null) => void = () => {};
  readonly #net: MemoryNet;
  readonly #run: Run;
  #sink: Sink | null = null;
  #isPaused = false;
  #isClosed = false;
  #isBlocked = false;
  /** The other side is gone. */
  #isReset = false;
  /** Waits for the link, in order; each with its place in the stream. */
  readonly #outbox: { parcel: Parcel; place: number }[] = [];
  #places = 0;
  #arrivesMs = 0;
  /** Arrived before what was sent before them. */
  readonly #early = new Map<number, Parcel>();
  #nextPlace = 0;
  readonly #inbox: Parcel[] = [];

  constructor(net: MemoryNet, { node, run }: { node: string; run: Run }, remote: string) {
    this.#net = net;
    this.node = node;
    this.#run = run;
    this.remoteAddress = remote;
  }

  /** From now on its process hears of it; also that it has ended already, but not before the process knows of the connection. */
  attach(sink: Sink): void {
    this.#sink = sink;
    if (this.#isReset) this.#net.clock.timer(0, () => this.#run(() => this.#ended("reset")));
    this.#deliver();
  }

  write(buffers: readonly Buffer[], written?: () => void): boolean {
    if (this.#isClosed) {
      written?.();
      return true;
    }
    const bytes = Buffer.concat(buffers);
    this.queuedBytes += bytes.length;
    this.#send({ bytes, written });
    this.#isBlocked = this.queuedBytes >= QUEUED_BYTES_MAX;
    return !this.#isBlocked;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#deliver();
  }

  end(): void {
    this.#close("end");
  }

  destroy(): void {
    this.#close("reset");
  }

  /** The process is gone: it hears nothing more. */
  die(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#outbox.length = 0;
    this.#send("reset");
  }

  /** Sends what waits, if the link lets it through. */
  flow(): void {
    const { peer } = this;
    if (peer === null || this.#net.isCut(this.node, peer.node)) return;
    const { clock } = this.#net;
    for (const item of this.#outbox.splice(0)) {
      // A little later than the one before, whatever rounding does to the difference.
      this.#arrivesMs = Math.max(this.#arrivesMs + 1e-6, clock.now() + this.#net.latency());
      clock.timer(this.#arrivesMs - clock.now(), () => {
        if (this.#net.isCut(this.node, peer.node)) this.#outbox.push(item);
        else peer.#arrived(item.place, item.parcel);
      });
    }
  }

  /** A reset overtakes what is missing: what had not arrived before it is lost. */
  #send(parcel: Parcel): void {
    this.#outbox.push({ parcel, place: parcel === "reset" ? RESET_PLACE : this.#places++ });
    this.flow();
  }

  #arrived(place: number, parcel: Parcel): void {
    if (place === RESET_PLACE) {
      this.#isReset = true;
      if (this.#sink !== null) this.#run(() => this.#ended("reset"));
      return;
    }
    this.#early.set(place, parcel);
    for (let next = this.#early.get(this.#nextPlace); next !== undefined; next = this.#early.get(this.#nextPlace)) {
      this.#early.delete(this.#nextPlace++);
      const arrived = next;
      this.#run(() => {
        this.#inbox.push(arrived);
        this.#deliver();
      });
    }
  }

  #deliver(): void {
    while (this.#sink !== null && !this.#isPaused && !this.#isClosed && this.#inbox.length > 0) {
      const parcel = this.#inbox[0]!;
      if (parcel === "end" || parcel === "reset") return this.#ended("end");
      const room = this.#sink.room();
      const taken = parcel.bytes.copy(room);
      if (taken < parcel.bytes.length) this.#inbox[0] = { ...parcel, bytes: parcel.bytes.subarray(taken) };
      else this.#inbox.shift();
      this.peer!.#taken(taken, taken === parcel.bytes.length ? parcel.written : undefined);
      this.#sink.filled(taken);
    }
  }

  /** The other side has read. */
  #taken(bytes: number, written: (() => void) | undefined): void {
    this.queuedBytes -= bytes;
    this.#run(() => {
      written?.();
      if (this.#isClosed || !this.#isBlocked || this.queuedBytes >= QUEUED_BYTES_MAX) return;
      this.#isBlocked = false;
      this.onDrain();
    });
  }

  #ended(how: "end" | "reset"): void {
    if (this.peer !== null) this.#net.forget(this.peer);
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#net.forget(this);
    this.#letGo();
    this.onClosed(how === "end" ? null : new Error("ECONNRESET: the other side is gone"));
  }

  #close(how: "end" | "reset"): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (how === "reset") this.#letGo();
    this.#send(how);
    this.#net.clock.timer(0, () => this.#run(() => this.onClosed(null)));
  }

  /** What has not left never will: its buffers go back. */
  #letGo(): void {
    for (const { parcel } of this.#outbox.splice(0)) if (typeof parcel === "object") parcel.written?.();
  }
}
