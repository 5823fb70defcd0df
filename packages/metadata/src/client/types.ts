import type { Clock, Logger, Random, Rpc } from "@odradek/kit";

/** One node of the tree as it was at some revision. */
export type Znode = {
  path: string;
  data: Buffer;
  /** 1 when created, one more with every `set`. A deleted and created node starts again: `createdRevision` tells the two apart. */
  version: number;
  createdRevision: number;
  /** Revision of the last create or set. Children coming and going do not change it. */
  modifiedRevision: number;
  /** The session whose end deletes this node; null: persistent. */
  owner: string | null;
  childCount: number;
};

/** What can be done to the tree. A path is "/" or "/a/b" with non-empty names; the parent of a new node must exist. */
export type Operation =
  | {
      is: "create";
      path: string;
      data: Buffer;
      ephemeral?: boolean;
      /** Appends the parent's next number as ten digits to the path. */ sequential?: boolean;
    }
  /** `ephemeral: true` moves the ownership of the node to this session; without it the owner stays. */
  | { is: "set"; path: string; data: Buffer; version: number | "any"; ephemeral?: boolean }
  | { is: "delete"; path: string; version: number | "any"; recursive?: boolean }
  /** The node exists with exactly this version. */
  | { is: "check"; path: string; version: number }
  | { is: "checkAbsent"; path: string };

export type Failure =
  | "NO_NODE"
  | "NODE_EXISTS"
  | "BAD_VERSION"
  | "NOT_EMPTY"
  | "NO_PARENT"
  | "EPHEMERAL_PARENT"
  | "BAD_PATH"
  | "TOO_LARGE"
  /**
   * Too little disk space is left on a majority of the members. As long as possible only what makes the tree larger is refused, persistent nodes
   * and data over 1 KiB; of disks that are full, all writes. It goes on by itself once there is room.
   */
  | "NO_SPACE";

export type Outcome =
  /** One result per operation. A sequential create returns the full path; delete and checkAbsent return version 0. */
  | { is: "done"; revision: number; results: { path: string; version: number }[] }
  /** Nothing was done. `at` is the index of the operation that failed. */
  | { is: "failed"; at: number; failure: Failure; path: string }
  /** The session ended while the request was in flight: read again to learn what happened. */
  | { is: "unknown" };

export type WatchEvent =
  /** Everything under the path, parents before children: first when no `fromRevision` was given, and again when the place to resume from was compacted. */
  | { is: "snapshot"; revision: number; nodes: Znode[] }
  /** What one revision changed under the path; one event per revision, in order, none twice. */
  | { is: "changes"; revision: number; changed: Znode[]; deleted: string[] }
  /** Everything up to this revision has been delivered. About twice a second. */
  | { is: "bookmark"; revision: number }
  /** The given `fromRevision` is older than what is kept; the watch ends. */
  | { is: "compacted"; oldest: number };

export type WatchOptions = {
  path: string;
  /** false: only the node itself; true: the node and everything below it. */
  recursive: boolean;
  /** The last revision already seen; events start with the next one. */
  fromRevision?: number;
};

export type Watch = AsyncIterable<WatchEvent> & { close(): void };

/**
 * A client's life in the coordination store. Reads are linearizable; writes are applied exactly once, also across
 * reconnects and leader changes. Calls made while no member can be reached wait, and reject after 30 s with an Error
 * that names the members tried; on an ended session they reject at once.
 */
export interface Session {
  readonly id: string;
  /** Resolves when the session is over: by `close`, by the store, or by this client's own clock after a silence longer than the timeout. */
  readonly ended: Promise<"expired" | "closed">;
  readonly connected: boolean;
  get(path: string): Promise<Znode | null>;
  exists(path: string): Promise<boolean>;
  /** Names of the children, sorted; none when the node does not exist. */
  children(path: string): Promise<string[]>;
  /** All operations in one revision, or none. */
  multi(operations: Operation[]): Promise<Outcome>;
  create(path: string, data: Buffer, options?: { ephemeral?: boolean; sequential?: boolean }): Promise<Outcome>;
  set(path: string, data: Buffer, version: number | "any"): Promise<Outcome>;
  delete(path: string, version: number | "any", options?: { recursive?: boolean }): Promise<Outcome>;
  /** Survives reconnects without gaps or duplicates. Ends (the iteration returns) when closed or when the session ends. */
  watch(options: WatchOptions): Watch;
  /**
   * Tells the store, once, where ("host:port") this process answers knocks for as long as it lives. When the link breaks and nobody serves there any
   * more, where somebody did, the session ends at once: a process that died is not waited for, one that only lost its link has its grace.
   */
  reachableAt(address: string): void;
  /** Ends the session: its ephemeral nodes vanish in one revision. */
  close(): Promise<void>;
}

/** Who changed what: one path of one revision. */
export type LogRow = {
  revision: number;
  /** Wall clock of the leader that proposed it; never goes back along the revisions. */
  timeMs: number;
  /** Null: the store itself. */
  session: string | null;
  /** The session's name, "" when it had none. */
  name: string;
  /** closed, expired: deleted because its owner's session ended so. */
  kind: "created" | "set" | "deleted" | "closed" | "expired";
  path: string;
  /** Of a deleted node: the last one it had. */
  version: number;
};

/** `compacted`: the revision is older than `oldest`, the oldest one that can be read. `future`: it is newer than `newest`. */
export type OfPast<T> =
  | { is: "found"; value: T }
  | { is: "compacted"; oldest: number }
  | { is: "future"; newest: number };

export type LogOptions = {
  path: string;
  recursive: boolean;
  /** Changes after this revision; else those not older than `sinceMs`; else all that are kept. */
  afterRevision?: number;
  sinceMs?: number;
};

/** Every revision since the last compaction can be read, linearizably like everything else. */
export interface Past {
  getAt(path: string, revision: number): Promise<OfPast<Znode | null>>;
  childrenAt(path: string, revision: number): Promise<OfPast<string[]>>;
  /** Oldest first. */
  log(options: LogOptions): Promise<OfPast<LogRow[]>>;
}

export type SessionOptions = {
  /** Member id to "host:port". */
  members: Map<number, string>;
  rpc: Rpc;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** Silence after which the session ends. Default 6000. */
  timeoutMs?: number;
  /** How long to look for a leader before `openSession` rejects. */
  connectTimeoutMs: number;
  /** Shown in the list of sessions, e.g. "broker-1". */
  name?: string;
};

/** Deadline for a unary question to one member. */
export type MemberOptions = { address: string; rpc: Rpc; timeoutMs: number };

export type MemberStatus = {
  id: number;
  role: "leader" | "follower" | "candidate" | "learner" | "recovering" | "removed";
  term: number;
  /** Null while there is none. */
  leader: number | null;
  revision: number;
  /** Oldest revision that can be read, and that a watch can resume from. */
  oldestRevision: number;
  appliedIndex: number;
  commitIndex: number;
  lastIndex: number;
  snapshotIndex: number;
  /** Those that vote. */
  members: number[];
  sessions: number;
  nodes: number;
  /** Voters and learners, with the addresses that this member knows. */
  memberList: MemberInfo[];
  /** Of its disk. Once no majority has more room: low refuses clients' writes that make the tree larger, full all of them. */
  space: "ok" | "low" | "full";
  /** Null: not known. */
  freeBytes: number | null;
  /** A leader's: members have different states after this entry of the log, and no majority the same one. */
  splitAt: number | null;
};

/** `address` is empty where it is not known; `added`: it is the one that the member was added with, the same for everybody. */
export type MemberInfo = { id: number; address: string; learner: boolean; added: boolean };

export type MemberChange =
  /** As a learner, which gets everything and counts for nothing. */
  | { is: "add"; id: number; address: string }
  /** A learner that has caught up votes from now on. */
  | { is: "promote"; id: number }
  | { is: "remove"; id: number };

/** The whole state at one revision. `index`, `term`, `hash`: its place in the log; `digest`: SHA-256 of the data. */
export type StoreSnapshot = {
  clusterId: string;
  index: number;
  term: number;
  hash: Buffer;
  revision: number;
  nodes: number;
  sessions: number;
  digest: Buffer;
  data: Buffer;
};

/** What a leader made of a request to care for the quorum. `why` is a word such as CHANGE_IN_PROGRESS or NOT_CAUGHT_UP. */
export type Administered =
  | { is: "done" }
  | { is: "notLeader"; leader: number | null }
  | { is: "refused"; why: string }
  /** It was on the way when leadership was lost: look whether it was done. */
  | { is: "unknown" };

export type SessionInfo = {
  id: string;
  name: string;
  timeoutMs: number;
  ephemeralNodes: number;
  /** Known by the leader only: whether a stream is attached now, and where from. */
  attached: boolean;
};
