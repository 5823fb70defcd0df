import type { Clock, RpcClient, RpcStream } from "@odradek/kit";
import type { AttachFrame, ClientFrame, ServerFrame } from "./frames.ts";
import { metadataService } from "./frames.ts";

/** Why a link is over. `ended`: the store says that the session is. */
export type LinkEnd = { is: "broken"; why: string } | { is: "notLeader"; leader: number | null } | { is: "ended" };

/** One attached stream to one member. */
export class Link {
  readonly member: number;
  /** Resolves once, whatever ended it. */
  readonly over: Promise<LinkEnd>;
  /** Frames after `attached`, in order. Set it synchronously after `attach` resolved. */
  onFrame: (frame: ServerFrame) => void = () => {};
  readonly #stream: RpcStream<ClientFrame, ServerFrame>;

  constructor(member: number, stream: RpcStream<ClientFrame, ServerFrame>, over: Promise<LinkEnd>) {
    this.member = member;
    this.#stream = stream;
    this.over = over;
  }

  send(frame: ClientFrame): void {
    this.#stream.send(frame);
  }

  drop(): void {
    this.#stream.cancel();
  }
}

/** Attaches the session to a member; the answer is the link, or why there is none. Never rejects, never takes longer than `timeoutMs`. */
export function attach(
  member: { id: number; client: RpcClient },
  frame: AttachFrame,
  options: { clock: Clock; timeoutMs: number },
): Promise<Link | LinkEnd> {
  return new Promise((resolve) => {
    const stream = member.client.open(metadataService.Session);
    let finish: (end: LinkEnd) => void = () => {};
    const over = new Promise<LinkEnd>((settle) => (finish = settle));
    const link = new Link(member.id, stream, over);
    const fail = (end: LinkEnd): void => {
      cancel();
      finish(end);
      resolve(end);
    };
    const cancel = options.clock.timer(options.timeoutMs, () => {
      fail({ is: "broken", why: `no answer to attach within ${options.timeoutMs} ms` });
      stream.cancel();
    });
    stream.onMessage = (message) => {
      const end = endOf(message);
      if (end) return fail(end);
      if (message.is !== "attached") return link.onFrame(message);
      cancel();
      resolve(link);
    };
    stream.onEnded = (error) => fail({ is: "broken", why: error?.message ?? "the member ended the stream" });
    stream.send({ is: "attach", attach: frame });
  });
}

function endOf(frame: ServerFrame): LinkEnd | null {
  if (frame.is === "notLeader") return { is: "notLeader", leader: frame.notLeader.leader || null };
  if (frame.is === "ended") return { is: "ended" };
  if (frame.is === "refused") return { is: "broken", why: `refused: ${frame.refused.why}` };
  return null;
}
