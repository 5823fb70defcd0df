import { residentBytes } from "../process-usage.ts";
import { connectToLeader, members, pause, type Store, type StoreClient, within } from "./store.ts";

export type MemoryFigures = {
  nodes: number;
  sessions: number;
  leaderMb: number;
  followerMb: number;
  /** With `sessions` sessions besides; null: not measured for this store. */
  leaderWithSessionsMb: number | null;
  followerWithSessionsMb: number | null;
  /** From starting the process of a follower that was killed until it serves. */
  memberStartMs: number;
  /** From starting all three after all were killed until a write is acknowledged. */
  clusterStartMs: number;
};

const data = Buffer.alloc(100, 0x61);
const folders = 100;
const batch = 500;
/** Connections that are made at once: more overflow the backlog of a listening socket. */
const connectingMax = 50;
/** A write that a new leader leaves unanswered so long is written again. */
const attemptMs = 2_000;
/** What a store does after the last write (snapshots, compaction, collecting garbage) belongs to its memory. */
const settleMs = 3_000;

export async function measureMemory(store: Store, nodes: number, sessions: number): Promise<MemoryFigures> {
  await fill(store, nodes);
  await pause(settleMs);
  const { leaderMb, followerMb } = await resident(store);
  const clients = await openSessions(store, sessions);
  if (sessions > 0) await pause(settleMs);
  const withSessions = sessions > 0 ? await resident(store) : null;
  for (const client of clients) client.close();
  const memberStartMs = await restartFollower(store);
  const clusterStartMs = await restartAll(store);
  return {
    nodes,
    sessions,
    leaderMb,
    followerMb,
    leaderWithSessionsMb: withSessions?.leaderMb ?? null,
    followerWithSessionsMb: withSessions?.followerMb ?? null,
    memberStartMs,
    clusterStartMs,
  };
}

async function fill(store: Store, nodes: number): Promise<void> {
  let client = await connectToLeader(store);
  const perFolder = nodes / folders;
  for (let folder = 0; folder < folders; folder++)
    for (let first = 0; first < perFolder; first += batch) {
      const count = Math.min(batch, perFolder - first);
      const paths = Array.from({ length: count }, (_, at) => `/bench/folder-${folder}/node-${first + at}`);
      try {
        await client.createAll(paths, data);
      } catch {
        // On a busy machine leadership may move: go after it, once.
        client.close();
        client = await connectToLeader(store);
        await client.createAll(paths, data);
      }
    }
  client.close();
}

async function resident(store: Store): Promise<{ leaderMb: number; followerMb: number }> {
  const leader = await store.leader();
  const follower = members.find((member) => member !== leader)!;
  const mb = (member: number): number => residentBytes(store.member(member).pid) / 1e6;
  return { leaderMb: mb(leader), followerMb: mb(follower) };
}

async function openSessions(store: Store, count: number): Promise<StoreClient[]> {
  const leader = await store.leader();
  const clients: StoreClient[] = [];
  while (clients.length < count)
    clients.push(...(await Promise.all(Array.from({ length: connectingMax }, () => store.connect(leader)))));
  return clients;
}

async function restartFollower(store: Store): Promise<number> {
  const leader = await store.leader();
  const follower = members.find((member) => member !== leader)!;
  await store.member(follower).kill();
  const begunMs = performance.now();
  store.member(follower).start();
  await store.serves(follower);
  return performance.now() - begunMs;
}

async function restartAll(store: Store): Promise<number> {
  await Promise.all(members.map((member) => store.member(member).kill()));
  const begunMs = performance.now();
  for (const member of members) store.member(member).start();
  for (let isWritten = false; !isWritten;) {
    const client = await connectToLeader(store);
    const writing = within(client.write("/bench/folder-0/node-0", data), attemptMs);
    isWritten = await writing.then(
      () => true,
      () => false,
    );
    client.close();
  }
  return performance.now() - begunMs;
}
