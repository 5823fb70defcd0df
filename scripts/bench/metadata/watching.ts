import { type Distribution, distributionOf } from "../figures.ts";
import { type Store, type StoreClient, within } from "./store.ts";

/** Milliseconds from sending the write: until each watcher had the event, and until the last one had it. */
export type FanOut = { watchers: number; each: Distribution; last: Distribution };

const path = "/bench/watched/node";
const data = Buffer.alloc(256, 0x61);
/** Connections that are made at once: more overflow the backlog of a listening socket. */
const connectingMax = 50;

/** `watchers` connections to the leader with one watch each, on one node that is written `writes` times. */
export async function measureFanOut(store: Store, watchers: number, writes: number): Promise<FanOut> {
  const leader = await store.leader();
  const writer = await store.connect(leader);
  await writer.createAll([path], data);
  const each: number[] = [];
  const last: number[] = [];
  let begunMs = 0;
  let left = 0;
  let allHeard: () => void = () => {};
  const heard = (): void => {
    each.push(performance.now() - begunMs);
    if (--left === 0) allHeard();
  };
  const clients: StoreClient[] = [];
  while (clients.length < watchers) {
    const count = Math.min(connectingMax, watchers - clients.length);
    const some = await Promise.all(Array.from({ length: count }, () => store.connect(leader)));
    await Promise.all(some.map((client) => client.watch(path, heard)));
    clients.push(...some);
  }
  for (let write = 0; write < writes; write++) {
    left = watchers;
    const all = new Promise<void>((resolve) => (allHeard = resolve));
    begunMs = performance.now();
    await Promise.all([writer.write(path, data), within(all, 30_000)]);
    last.push(performance.now() - begunMs);
  }
  for (const client of [...clients, writer]) client.close();
  return { watchers, each: distributionOf(each), last: distributionOf(last) };
}
