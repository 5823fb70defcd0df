import { loadService } from "@odradek/rpc";

/** A protobuf `oneof`: `is` names the member that is set. */
type OneOf<Members> = { [Name in keyof Members]: { is: Name } & { [Key in Name]: Members[Name] } }[keyof Members];
type Empty = Record<string, never>;

export type AttachFrame = { session: string; epoch: number; create: boolean; timeoutMs: number; name: string };
export type WriteFrame = { sequence: number; answeredUpTo: number; operations: WireOperation[] };
export type ReadFrame = { number: number; path: string; children: boolean; revision?: number };
export type ReadLogFrame = {
  number: number;
  path: string;
  recursive: boolean;
  afterRevision?: number;
  afterPath: string;
  sinceMs: number;
};
export type WatchStartFrame = {
  watch: number;
  path: string;
  recursive: boolean;
  fromRevision?: number;
  orSnapshot?: boolean;
};

/** Messages of proto/metadata.proto as the loader gives and takes them. */
export type ClientFrame = OneOf<{
  attach: AttachFrame;
  keepAlive: { number: number };
  write: WriteFrame;
  read: ReadFrame;
  watchStart: WatchStartFrame;
  watchStop: { watch: number };
  close: Empty;
  readLog: ReadLogFrame;
  reachable: { address: string };
}>;

export type WireOperation = OneOf<{
  create: { path: string; data: Buffer; ephemeral: boolean; sequential: boolean };
  set: { path: string; data: Buffer; version?: number; ephemeral: boolean };
  delete: { path: string; version?: number; recursive: boolean };
  check: { path: string; version: number };
  checkAbsent: { path: string };
}>;

export type WireZnode = {
  path: string;
  data: Buffer;
  version: number;
  createdRevision: number;
  modifiedRevision: number;
  owner: string;
  childCount: number;
};

export type WireLogRow = {
  revision: number;
  timeMs: number;
  session: string;
  name: string;
  kind: string;
  path: string;
  version: number;
};

export type WrittenFrame = { sequence: number } & (
  | { outcome: "done"; done: { revision: number; results: { path: string; version: number }[] } }
  | { outcome: "failed"; failed: { at: number; failure: string; path: string } }
);

export type ServerFrame = OneOf<{
  attached: { revision: number };
  notLeader: { leader: number };
  ended: Empty;
  refused: { why: string };
  bookmark: { revision: number; keepAlive: number };
  written: WrittenFrame;
  found: { number: number; node?: WireZnode; children: string[] };
  watchStarted: { watch: number };
  watchSnapshot: { watch: number; revision: number; nodes: WireZnode[]; last: boolean };
  watchChanges: { watch: number; revision: number; changed: WireZnode[]; deleted: string[] };
  watchCompacted: { watch: number; oldest: number };
  unreadable: { number: number; oldest: number; newest: number };
  logPage: { number: number; rows: WireLogRow[]; last: boolean };
  memberList: { members: WireMember[] };
  noRoom: { sequence: number };
}>;

export type WireMember = { id: number; address: string; learner: boolean; added: boolean };
export type WireChange = { change: string; id: number; address: string };
export type WireAdministered = { outcome: string; leader: number; why: string };

export type WireSnapshotHead = {
  clusterId: string;
  index: number;
  term: number;
  hash: Buffer;
  revision: number;
  nodes: number;
  sessions: number;
  bytes: number;
  digest: Buffer;
};
export type SnapshotFrame = OneOf<{
  head: WireSnapshotHead;
  data: { bytes: Buffer };
  notLeader: { leader: number };
  refused: { why: string };
}>;

export type WireStatus = {
  id: number;
  role: string;
  term: number;
  leader: number;
  revision: number;
  oldestRevision: number;
  appliedIndex: number;
  commitIndex: number;
  lastIndex: number;
  snapshotIndex: number;
  members: number[];
  sessions: number;
  nodes: number;
  memberList: WireMember[];
  space: string;
  freeBytes?: number;
  splitAt?: number;
};

export type WireSession = { id: string; name: string; timeoutMs: number; ephemeralNodes: number; attached: boolean };

/** Offered by clients that can be reached. */
export const clientService = loadService<{ Knock: [Empty, Empty] }>("client.proto", "odradek.metadata.v1.Client");

export const metadataService = loadService<{
  Session: [ClientFrame, ServerFrame];
  Status: [Empty, WireStatus];
  Sessions: [Empty, { sessions: WireSession[] }];
  ChangeMembers: [WireChange, WireAdministered];
  Transfer: [{ to: number }, WireAdministered];
  Snapshot: [Empty, SnapshotFrame];
  Compact: [{ through?: number }, WireAdministered];
}>("metadata.proto", "odradek.metadata.v1.Metadata");
