import type { Operation, Outcome, Session, Znode } from "@odradek/metadata/client";
import { NoSpaceError } from "./unanswered.ts";
import { type BrokerNode, type Endpoint, encode, paths, lostRevision, readBroker } from "./nodes.ts";

/** What a broker tells the others about itself. */
export type Identity = {
  brokerId: number;
  endpoints: readonly Endpoint[];
  /** "host:port" where other brokers replicate from. */
  grpcAddress: string;
  rack: string | null;
};

/** A broker's standing in the cluster: made by one transaction, replaced by the next one of the same broker. */
export type Registration = { readonly incarnation: string; readonly revision: number };

/** Somebody else has registered under this broker's number; this process must not go on. */
export class ReplacedError extends Error {
  override readonly name = "ReplacedError";
}

/**
 * Registers in one transaction: it takes over whatever node is there, so a restart never waits for the session of its
 * predecessor to end (RELIABILITY C-06), and writes the node of known brokers, whose version tells registrations apart.
 * `ours`: incarnations of this process, once one has been registered; when the number has another one, somebody took it: ReplacedError.
 * `mayHaveLost`: what an earlier process wrote may be gone (KIP-966).
 */
export async function register(
  session: Session,
  identity: Identity,
  options: { incarnation: string; wallMs: number; ours: ReadonlySet<string> | null; mayHaveLost: boolean },
): Promise<Registration> {
  const node: BrokerNode = {
    endpoints: [...identity.endpoints],
    grpc: identity.grpcAddress,
    rack: identity.rack,
    incarnation: options.incarnation,
    shuttingDown: false,
    since: options.wallMs,
  };
  for (;;) {
    const { live, known } = await registered(session, identity.brokerId);
    const holder = known === null ? undefined : readBroker(known)?.incarnation;
    if (holder !== undefined && options.ours?.has(holder) === false)
      throw new ReplacedError(`broker ${identity.brokerId} was registered by another process (${holder})`);
    const outcome = await session.multi([
      put(paths.liveBroker(identity.brokerId), live, node, true),
      put(
        paths.knownBroker(identity.brokerId),
        known,
        options.mayHaveLost ? { ...node, lost: "here" } : remembering(known, node),
        false,
      ),
    ]);
    if (outcome.is === "done") return { incarnation: options.incarnation, revision: outcome.revision };
    if (outcome.is === "unknown") throw new Error("the session ended while registering");
    if (outcome.failure === "NO_SPACE") throw new NoSpaceError();
    if (outcome.failure !== "BAD_VERSION" && outcome.failure !== "NODE_EXISTS" && outcome.failure !== "NO_NODE")
      throw new Error(`registration was refused: ${outcome.failure} ${outcome.path}`);
  }
}

/** Announces that this broker is stopping: it is not elected and joins no ISR from here on (RELIABILITY P-13). */
export async function announceShutdown(session: Session, brokerId: number, incarnation: string): Promise<Outcome> {
  const { live, known } = await registered(session, brokerId);
  const node = live && readBroker(live);
  if (!node || node.incarnation !== incarnation) throw new ReplacedError(`broker ${brokerId} is not registered by us`);
  const stopping = { ...node, shuttingDown: true };
  return session.multi([
    put(paths.liveBroker(brokerId), live, stopping, true),
    put(paths.knownBroker(brokerId), known, remembering(known, stopping), false),
  ]);
}

/** Tells that what this process has written may be gone: its disk has failed, and may not take the removal of its own mark. */
export async function announceLoss(session: Session, brokerId: number, incarnation: string): Promise<void> {
  const { known } = await registered(session, brokerId);
  const node = known && readBroker(known);
  if (!node || node.incarnation !== incarnation) throw new ReplacedError(`broker ${brokerId} is not registered by us`);
  const outcome = await session.multi([put(paths.knownBroker(brokerId), known, { ...node, lost: "here" }, false)]);
  if (outcome.is !== "done") throw new Error(`the loss was not taken down: ${outcome.is}`);
}

async function registered(session: Session, id: number): Promise<{ live: Znode | null; known: Znode | null }> {
  const [live, known] = await Promise.all([session.get(paths.liveBroker(id)), session.get(paths.knownBroker(id))]);
  return { live, known };
}

/** The node with the broker's last loss, which no later registration may hide. */
function remembering(before: Znode | null, node: BrokerNode): BrokerNode {
  const lost = before === null ? 0 : lostRevision(before);
  return lost === 0 ? node : { ...node, lost };
}

const put = (path: string, before: Znode | null, node: BrokerNode, ephemeral: boolean): Operation =>
  before
    ? { is: "set", path, data: encode(node), version: before.version, ...(ephemeral ? { ephemeral } : {}) }
    : { is: "create", path, data: encode(node), ...(ephemeral ? { ephemeral } : {}) };
