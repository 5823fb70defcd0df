import { persistentWriter } from "./persistent-writer.ts";
import { type MemberProcess, removeDirectory } from "./processes.ts";
import { members, type Store, type StoreClient, untilWorks } from "./store.ts";

/** In what the stores of others differ. */
export type Peers = {
  readonly name: string;
  readonly version: string;
  /** Holds everything that they write. */
  readonly directory: string;
  readonly processes: readonly MemberProcess[];
  readonly connect: (member: number) => Promise<StoreClient>;
  /** Rejects while they do not agree on a leader. */
  readonly leader: () => Promise<number>;
  /** Rejects while the member does not serve. */
  readonly serve: (member: number) => Promise<void>;
};

/** Three members of a store that is not ours. */
export function peerStore({ name, version, directory, processes, connect, leader, serve }: Peers): Store {
  const serves = (member: number): Promise<void> => untilWorks(() => serve(member));
  return {
    name,
    version,
    member: (member) => processes[member]!,
    connect,
    leader: () => untilWorks(leader),
    serves,
    start: async () => {
      for (const member of processes) member.start();
      await Promise.all(members.map(serves));
    },
    stop: async () => {
      await Promise.all(processes.map((member) => member.kill()));
      removeDirectory(directory);
    },
    writer: (path, onAck) => persistentWriter(connect, path, onAck),
  };
}
