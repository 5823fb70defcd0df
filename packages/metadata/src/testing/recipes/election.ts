import type { Operation, Session } from "@odradek/metadata/client";

export type Reign = {
  /** Greater than that of every leader before: the fencing token. */
  epoch: number;
  /** Holds until someone else was elected: the first operation of everything a leader writes. */
  guard: Operation;
  /** Resolves when this reign is over: resigned, deposed, or the session ended. */
  over: Promise<void>;
  resign(): Promise<void>;
};

/** Waits until `name` leads at `path`, where the node `epoch` exists. Rejects when the session ends first. */
export async function lead(session: Session, path: string, name: string): Promise<Reign> {
  const [leader, epoch] = [`${path}/leader`, `${path}/epoch`];
  for (;;) {
    const before = await session.get(epoch);
    if (before === null) throw new Error(`there is no ${epoch}`);
    const data = Buffer.from(name);
    const elected = await session.multi([
      { is: "create", path: leader, data, ephemeral: true },
      { is: "set", path: epoch, data, version: before.version },
    ]);
    if (elected.is === "unknown") throw new Error("the session ended before the election");
    if (elected.is === "done") {
      const { version } = elected.results[1]!;
      const guard: Operation = { is: "check", path: epoch, version };
      const resign = async () => void (await session.multi([guard, { is: "delete", path: leader, version: "any" }]));
      return { epoch: version, guard, over: vacant(session, leader, elected.revision), resign };
    }
    if (elected.failure === "NODE_EXISTS") await vacant(session, leader);
    else if (elected.failure !== "BAD_VERSION") throw new Error(`no election at ${path}: ${elected.failure}`);
  }
}

/** Resolves when nobody leads, or when the session is over: whoever asks then finds out. */
async function vacant(session: Session, leader: string, fromRevision?: number): Promise<void> {
  const from = fromRevision === undefined ? {} : { fromRevision };
  for await (const event of session.watch({ path: leader, recursive: false, ...from })) {
    if (event.is === "snapshot" && event.nodes.length === 0) return;
    if (event.is === "changes" && event.deleted.includes(leader)) return;
  }
}
