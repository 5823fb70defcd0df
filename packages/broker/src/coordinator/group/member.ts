import type { ErrorCode } from "@odradek/protocol";

export type Protocol = { readonly name: string; readonly metadata: Buffer };

/** The answer to a JoinGroup. Members are named to the leader only. */
export type Joined = {
  readonly errorCode: ErrorCode;
  readonly generationId: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly leader: string;
  readonly skipAssignment: boolean;
  readonly memberId: string;
  readonly members: readonly { memberId: string; groupInstanceId: string | null; metadata: Buffer }[];
};

/** The answer to a SyncGroup. */
export type Synced = {
  readonly errorCode: ErrorCode;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly assignment: Buffer;
};

export const NO_BYTES = Buffer.alloc(0);

export const joinFailed = (errorCode: ErrorCode, memberId = ""): Joined => ({
  errorCode,
  generationId: -1,
  protocolType: null,
  protocolName: null,
  leader: "",
  skipAssignment: false,
  memberId,
  members: [],
});

export const syncFailed = (errorCode: ErrorCode): Synced => ({
  errorCode,
  protocolType: null,
  protocolName: null,
  assignment: NO_BYTES,
});

/** What a member says about itself when it joins. */
export type MemberFacts = {
  id: string;
  /** Set: a static member (KIP-345), which keeps its place over restarts. */
  readonly instanceId: string | null;
  clientId: string;
  clientHost: string;
  rebalanceTimeoutMs: number;
  sessionTimeoutMs: number;
  protocols: readonly Protocol[];
};

/** One consumer in a classic group. */
export class Member implements MemberFacts {
  id: string;
  readonly instanceId: string | null;
  clientId: string;
  clientHost: string;
  rebalanceTimeoutMs: number;
  sessionTimeoutMs: number;
  protocols: readonly Protocol[];
  assignment: Buffer = NO_BYTES;
  /** Never been in a complete generation: while it waits it is dropped after five minutes, for its client may be gone. */
  isNew = false;
  #join: ((answer: Joined) => void) | null = null;
  #sync: ((answer: Synced) => void) | null = null;

  constructor(facts: MemberFacts) {
    this.id = facts.id;
    this.instanceId = facts.instanceId;
    this.clientId = facts.clientId;
    this.clientHost = facts.clientHost;
    this.rebalanceTimeoutMs = facts.rebalanceTimeoutMs;
    this.sessionTimeoutMs = facts.sessionTimeoutMs;
    this.protocols = facts.protocols;
  }

  get facts(): MemberFacts {
    const { id, instanceId, clientId, clientHost, rebalanceTimeoutMs, sessionTimeoutMs, protocols } = this;
    return { id, instanceId, clientId, clientHost, rebalanceTimeoutMs, sessionTimeoutMs, protocols };
  }

  /** Its JoinGroup waits for the generation to be complete. */
  get isAwaitingJoin(): boolean {
    return this.#join !== null;
  }

  get isAwaitingSync(): boolean {
    return this.#sync !== null;
  }

  /** A second JoinGroup ends the first one, whose client has given it up. */
  awaitJoin(answer: Joined): Promise<Joined> {
    this.answerJoin(answer);
    return new Promise((resolve) => (this.#join = resolve));
  }

  awaitSync(answer: Synced): Promise<Synced> {
    this.answerSync(answer);
    return new Promise((resolve) => (this.#sync = resolve));
  }

  answerJoin(answer: Joined): void {
    const answerTo = this.#join;
    this.#join = null;
    answerTo?.(answer);
  }

  answerSync(answer: Synced): void {
    const answerTo = this.#sync;
    this.#sync = null;
    answerTo?.(answer);
  }

  /** The same protocols with the same metadata in the same order. */
  speaks(protocols: readonly Protocol[]): boolean {
    return (
      protocols.length === this.protocols.length &&
      protocols.every(({ name, metadata }, index) => {
        const mine = this.protocols[index]!;
        return mine.name === name && mine.metadata.equals(metadata);
      })
    );
  }

  metadataFor(protocolName: string | null): Buffer {
    return this.protocols.find(({ name }) => name === protocolName)?.metadata ?? NO_BYTES;
  }
}
