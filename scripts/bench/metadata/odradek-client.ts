import { randomBytes } from "node:crypto";
import { GrpcConnection, method } from "./grpc-connection.ts";
import { parentMaker } from "./parents.ts";
import { field, fieldsOf, numberField } from "./protobuf.ts";
import type { StoreClient } from "./store.ts";

const session = method("/odradek.metadata.v1.Metadata/Session");
const keepAliveMs = 1_000;
/** Small enough for the window that a server leaves open. */
const multiMax = 100;

// Field numbers of proto/metadata.proto.
const said = { attach: 1, keepAlive: 2, write: 3, read: 4, watchStart: 5 } as const;
const heard = {
  attached: 1,
  notLeader: 2,
  ended: 3,
  refused: 11,
  written: 5,
  found: 6,
  watchStarted: 7,
  watchChanges: 9,
} as const;

type Waiting = { resolve: () => void; reject: (error: Error) => void };

/** A session of its own on one stream. */
export class OdradekClient implements StoreClient {
  readonly #connection: GrpcConnection;
  readonly #send: (frame: Buffer) => void;
  /** Only once attached: a stream that says anything else before is refused. */
  #keepAlive: NodeJS.Timeout | undefined;
  readonly #writes: Waiting[] = [];
  readonly #reads: Waiting[] = [];
  readonly #watches: Waiting[] = [];
  readonly #makeParent = parentMaker((path) => this.#multi([createOf(path, Buffer.alloc(0))]).catch(ignoreExisting));
  #onEvent: () => void = () => {};
  #opened: Waiting | null;
  #sequence = 0;
  #read = 0;
  #pulses = 0;
  #isOver = false;
  #why = "the stream is over";

  private constructor(connection: GrpcConnection, opened: Waiting) {
    this.#connection = connection;
    this.#opened = opened;
    this.#send = connection.stream(session, { message: (frame) => this.#receive(frame), end: () => this.close() });
    const id = field(1, randomBytes(12).toString("base64url"));
    const rest = [numberField(2, 1), numberField(3, 1), numberField(4, 30_000), field(5, "bench")];
    this.#send(field(said.attach, Buffer.concat([id, ...rest])));
  }

  static async open(port: number): Promise<OdradekClient> {
    const connection = await GrpcConnection.open(port);
    return new Promise((resolve, reject) => {
      const client: OdradekClient = new OdradekClient(connection, { resolve: () => resolve(client), reject });
    });
  }

  async create(path: string, data: Buffer): Promise<void> {
    await this.#makeParent(path);
    await this.#multi([createOf(path, data)]);
  }

  async createAll(paths: readonly string[], data: Buffer): Promise<void> {
    for (let at = 0; at < paths.length; at += multiMax) {
      const some = paths.slice(at, at + multiMax);
      for (const path of some) await this.#makeParent(path);
      await this.#multi(some.map((path) => createOf(path, data))).catch(ignoreExisting);
    }
  }

  write(path: string, data: Buffer): Promise<void> {
    return this.#multi([field(2, Buffer.concat([field(1, path), field(2, data)]))]);
  }

  read(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#reads.push({ resolve, reject });
      this.#send(field(said.read, Buffer.concat([numberField(1, ++this.#read), field(2, path)])));
    });
  }

  watch(path: string, onEvent: () => void): Promise<void> {
    this.#onEvent = onEvent;
    return new Promise((resolve, reject) => {
      this.#watches.push({ resolve, reject });
      this.#send(field(said.watchStart, Buffer.concat([numberField(1, 1), field(2, path)])));
    });
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#keepAlive);
    this.#connection.close();
    const why = new Error(this.#why);
    this.#opened?.reject(why);
    for (const waiting of [this.#writes, this.#reads, this.#watches])
      for (const { reject } of waiting.splice(0)) reject(why);
  }

  #multi(operations: readonly Buffer[]): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#isOver) return reject(new Error(this.#why));
      this.#writes.push({ resolve, reject });
      const numbers = [numberField(1, ++this.#sequence), numberField(2, this.#sequence - this.#writes.length)];
      this.#send(field(said.write, Buffer.concat([...numbers, ...operations.map((each) => field(3, each))])));
    });
  }

  #pulse(): void {
    this.#send(field(said.keepAlive, numberField(1, ++this.#pulses)));
  }

  #receive(frame: Buffer): void {
    const kind = frame[0]! >> 3;
    switch (kind) {
      case heard.written: {
        const written = fieldsOf(fieldsOf(frame).get(kind) as Buffer);
        const failed = written.get(3);
        if (failed === undefined) return this.#writes.shift()?.resolve();
        const failure = String(fieldsOf(failed as Buffer).get(2));
        return this.#writes.shift()?.reject(new Error(failure));
      }
      case heard.found:
        return this.#reads.shift()?.resolve();
      case heard.watchChanges:
        return this.#onEvent();
      case heard.watchStarted:
        return this.#watches.shift()?.resolve();
      case heard.attached:
        this.#keepAlive = setInterval(() => this.#pulse(), keepAliveMs);
        this.#opened?.resolve();
        this.#opened = null;
        return;
      case heard.notLeader:
        this.#why = "the member does not lead";
        return;
      case heard.ended:
        this.#why = "the session is over";
        return;
      case heard.refused:
        this.#why = `refused: ${String(fieldsOf(fieldsOf(frame).get(kind) as Buffer).get(1))}`;
        return;
      default:
    }
  }
}

function ignoreExisting(error: unknown): void {
  if (!(error instanceof Error && error.message === "NODE_EXISTS")) throw error;
}

const createOf = (path: string, data: Buffer): Buffer => field(1, Buffer.concat([field(1, path), field(2, data)]));
