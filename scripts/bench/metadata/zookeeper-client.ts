import { connect, type Socket } from "node:net";
import { buffer, flag, framed, int, long, text } from "./jute.ts";
import { parentMaker } from "./parents.ts";
import type { StoreClient } from "./store.ts";

const operations = { create: 1, getData: 4, setData: 5, sync: 9, ping: 11, multi: 14, addWatch: 106 } as const;
const xids = { event: -1, ping: -2 } as const;
const sessionTimeoutMs = 30_000;
const pingMs = 8_000;
/** Well below jute.maxbuffer, 1 MiB. */
const multiMax = 500;

/** ACL: anyone may do everything. Flags: persistent. */
const openToAnyone = Buffer.concat([int(1), int(31), text("world"), text("anyone")]);
const persistent = int(0);
const anyVersion = int(-1);

type Waiting = { resolve: () => void; reject: (error: Error) => void };

/** A session of its own on one connection. Requests may overlap; answers come in their order. */
export class ZookeeperClient implements StoreClient {
  readonly #socket: Socket;
  readonly #waiting: Waiting[] = [];
  readonly #pings: NodeJS.Timeout;
  readonly #watches = new Map<string, () => void>();
  readonly #makeParent = parentMaker((path) => this.#create(path, Buffer.alloc(0)).catch(ignoreExisting));
  #opened: Waiting | null;
  #unread: Buffer = Buffer.alloc(0);
  #xid = 0;

  private constructor(socket: Socket, opened: Waiting) {
    this.#socket = socket;
    this.#opened = opened;
    socket.setNoDelay(true);
    socket.on("data", (bytes: Buffer) => this.#receive(bytes));
    socket.on("close", () => this.close());
    this.#pings = setInterval(() => socket.write(framed(int(xids.ping), int(operations.ping))), pingMs);
    // Protocol 0, nothing seen, no session yet and no password, not read-only.
    socket.write(framed(int(0), long(0n), int(sessionTimeoutMs), long(0n), buffer(Buffer.alloc(16)), flag(false)));
  }

  static open(port: number): Promise<ZookeeperClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", reject);
      socket.once("connect", () => {
        const client: ZookeeperClient = new ZookeeperClient(socket, { resolve: () => resolve(client), reject });
      });
    });
  }

  async create(path: string, data: Buffer): Promise<void> {
    await this.#makeParent(path);
    await this.#create(path, data);
  }

  async createAll(paths: readonly string[], data: Buffer): Promise<void> {
    for (let at = 0; at < paths.length; at += multiMax) {
      const some = paths.slice(at, at + multiMax);
      for (const path of some) await this.#makeParent(path);
      const creates = some.map((path) =>
        Buffer.concat([multiHeader(operations.create), text(path), buffer(data), openToAnyone, persistent]),
      );
      await this.#ask(operations.multi, ...creates, multiEnd).catch(ignoreExisting);
    }
  }

  write(path: string, data: Buffer): Promise<void> {
    return this.#ask(operations.setData, text(path), buffer(data), anyVersion);
  }

  /** getData alone may answer from the past; behind a sync of the same session it does not. Both leave together. */
  async read(path: string): Promise<void> {
    const synced = this.#ask(operations.sync, text(path));
    const found = this.#ask(operations.getData, text(path), flag(false));
    await synced;
    await found;
  }

  async watch(path: string, onEvent: () => void): Promise<void> {
    this.#watches.set(path, onEvent);
    await this.#ask(operations.addWatch, text(path), int(0)); // mode 0: persistent
  }

  close(): void {
    clearInterval(this.#pings);
    this.#socket.destroy();
    const why = new Error("the connection is closed");
    this.#opened?.reject(why);
    for (const { reject } of this.#waiting.splice(0)) reject(why);
  }

  #create(path: string, data: Buffer): Promise<void> {
    return this.#ask(operations.create, text(path), buffer(data), openToAnyone, persistent);
  }

  #ask(operation: number, ...fields: readonly Buffer[]): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) return reject(new Error("the connection is closed"));
      this.#waiting.push({ resolve, reject });
      this.#socket.write(framed(int(++this.#xid), int(operation), ...fields));
    });
  }

  #receive(bytes: Buffer): void {
    let all = this.#unread.length === 0 ? bytes : Buffer.concat([this.#unread, bytes]);
    while (all.length >= 4 && all.length >= 4 + all.readInt32BE()) {
      const end = 4 + all.readInt32BE();
      this.#answer(all.subarray(4, end));
      all = all.subarray(end);
    }
    this.#unread = all;
  }

  /** A reply: xid, zxid, error, and what was asked for. The first is the answer to connecting: protocol, timeout, session. */
  #answer(reply: Buffer): void {
    if (this.#opened) {
      const opened = this.#opened;
      this.#opened = null;
      if (reply.readBigInt64BE(8) === 0n) opened.reject(new Error("no session was given"));
      else opened.resolve();
      return;
    }
    const xid = reply.readInt32BE();
    if (xid === xids.ping) return;
    if (xid === xids.event) return this.#event(reply.subarray(16));
    const waiting = this.#waiting.shift();
    const code = reply.readInt32BE(12);
    if (code === 0) waiting?.resolve();
    else waiting?.reject(new ZookeeperError(code));
  }

  /** Type, state, path. */
  #event(event: Buffer): void {
    const path = event.subarray(12, 12 + event.readInt32BE(8)).toString();
    this.#watches.get(path)?.();
  }
}

const nodeExists = -110;

class ZookeeperError extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`ZooKeeper answered ${code}`);
    this.code = code;
  }
}

function ignoreExisting(error: unknown): void {
  if (!(error instanceof ZookeeperError && error.code === nodeExists)) throw error;
}

const multiHeader = (operation: number): Buffer => Buffer.concat([int(operation), flag(false), int(-1)]);
const multiEnd = Buffer.concat([int(-1), flag(true), int(-1)]);
