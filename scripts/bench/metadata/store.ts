/** One connection to one member of a coordination store, as bare as the protocol allows: what is measured is the store. */
export type StoreClient = {
  create(path: string, data: Buffer): Promise<void>;
  /** All of them in one transaction of the store, or in as few as it takes; those that are there already stay. */
  createAll(paths: readonly string[], data: Buffer): Promise<void>;
  /** Overwrites a node that is there; answered when it is durable on a majority. */
  write(path: string, data: Buffer): Promise<void>;
  /** Sees every write that was answered before it was asked. */
  read(path: string): Promise<void>;
  /** Calls `onEvent` at every change from when this resolves. */
  watch(path: string, onEvent: () => void): Promise<void>;
  /** Calls that wait fail when the connection ends. */
  close(): void;
};

/** Writes until it is stopped, whatever happens to the members. */
export type Writer = { stop(): Promise<void> };

/** A cluster of three members on loopback. */
export type Store = {
  readonly name: string;
  readonly version: string;
  /** Starts everything and waits until a write can be made. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Numbers of the members: 0, 1, 2. */
  leader(): Promise<number>;
  connect(member: number): Promise<StoreClient>;
  /** Resolves when the member serves: knows a leader and answers with what was written before. */
  serves(member: number): Promise<void>;
  member(member: number): Member;
  /** Begins to write; tells of each write that is acknowledged when it was begun. */
  writer(path: string, onAck: (begunMs: number) => void): Promise<Writer>;
};

/** The process of one member. */
export type Member = {
  readonly pid: number;
  start(): void;
  /** kill -9, and waits until it is gone. */
  kill(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
};

export const members = [0, 1, 2] as const;

const timeoutMs = 90_000;

/** Tries until it works, each time for `attemptMs` at most; fails with the last error when it takes too long. */
export async function untilWorks<T>(attempt: () => Promise<T>, attemptMs = 2_000): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await within(attempt(), attemptMs);
    } catch (cause) {
      if (performance.now() > deadline) throw new Error(`still failing after ${timeoutMs} ms`, { cause });
      await pause(10);
    }
  }
}

/** A client of whoever leads; finding that out has its own patience. */
export function connectToLeader(store: Store): Promise<StoreClient> {
  return untilWorks(async () => within(store.connect(await store.leader()), 2_000), timeoutMs);
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Rejects when it takes longer. */
export async function within<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
