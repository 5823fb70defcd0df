import type { Clock, Logger, Random, Rpc, RpcServer } from "@odradek/kit";

import type { PeerLinks } from "./links.ts";
import type { Message } from "./messages.ts";
import { Outgoing } from "./outgoing.ts";
import { talk } from "./wire.ts";

/** Links over the port `Rpc`: one stream per direction and pair. Registers with `server`, which the caller lets listen afterwards. */
export class RpcLinks implements PeerLinks {
  onMessage: (from: number, message: Message) => void = () => {};
  onDied: (peer: number) => void = () => {};
  readonly #outgoing = new Map<number, Outgoing>();
  #closed = false;

  constructor(parts: {
    id: number;
    members: readonly { id: number; address: string }[];
    server: RpcServer;
    rpc: Rpc;
    clock: Clock;
    random: Random;
    logger: Logger;
  }) {
    const { id, members, server, rpc, clock, random, logger } = parts;
    this.#accept(id, new Set(members.map((member) => member.id)), server, random, logger);
    for (const { id: peer, address } of members) {
      if (peer === id) continue;
      const client = rpc.client(address);
      this.#outgoing.set(peer, new Outgoing({ id, peer, client, clock, random, logger }, () => this.onDied(peer)));
    }
  }

  send(to: number, message: Message): void {
    this.#outgoing.get(to)?.send(message);
  }

  close(): Promise<void> {
    this.#closed = true;
    for (const outgoing of this.#outgoing.values()) outgoing.close();
    return Promise.resolve();
  }

  #accept(id: number, members: ReadonlySet<number>, server: RpcServer, random: Random, logger: Logger): void {
    const boot = random.bytes(12).toString("base64url");
    server.accept(talk, (stream) => {
      let from: number | null = null;
      stream.onMessage = (frame) => {
        if (this.#closed) return stream.cancel();
        if (frame.is !== "introduction") return from === null ? stream.cancel() : this.onMessage(from, frame);
        stream.send({ id, boot });
        if (frame.to === id && members.has(frame.from) && frame.from !== id) from = frame.from;
        else {
          logger.error({ evt: "wrong_peer", from: frame.from, to: frame.to }, "a stream from nobody, or for another");
          stream.end();
        }
      };
    });
  }
}
