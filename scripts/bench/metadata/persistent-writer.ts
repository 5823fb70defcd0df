import { members, pause, type StoreClient, within, type Writer } from "./store.ts";

/** A member that leaves a write unanswered so long is asked anew. Longer than an answer ever takes here, shorter than an election. */
const attemptMs = 500;
/** Between attempts to connect. */
const retryMs = 10;

/**
 * Writes through every member at once, so that the first one that works again is noticed at once: no client is in the way of what is
 * measured. Whoever has one connection, and looks for another member when that fails, waits longer.
 */
export async function persistentWriter(
  connect: (member: number) => Promise<StoreClient>,
  path: string,
  onAck: (begunMs: number) => void,
): Promise<Writer> {
  let isOver = false;
  const first = await connect(0);
  for (const member of members) await first.create(`${path}${member}`, Buffer.from("x"));
  first.close();
  const loops = members.map(async (member) => {
    while (!isOver) {
      try {
        await writeThrough(await connected(connect, member), `${path}${member}`);
      } catch {
        await pause(retryMs);
      }
    }
  });
  const writeThrough = async (client: StoreClient, own: string): Promise<void> => {
    try {
      while (!isOver) {
        const begunMs = performance.now();
        await within(client.write(own, Buffer.from("x")), attemptMs);
        onAck(begunMs);
      }
    } finally {
      client.close();
    }
  };
  return {
    stop: async () => {
      isOver = true;
      await Promise.all(loops);
    },
  };
}

/** A connection that comes too late is closed, not kept. */
async function connected(connect: (member: number) => Promise<StoreClient>, member: number): Promise<StoreClient> {
  const connecting = connect(member);
  try {
    return await within(connecting, attemptMs);
  } catch (error) {
    void connecting.then(
      (client) => client.close(),
      () => {},
    );
    throw error;
  }
}
