import type { Cluster } from "../store/write.ts";
import type { Message } from "./messages.ts";

/** The port to the other members. Messages may be lost, never altered; what can't be sent is dropped. */
export interface PeerLinks {
  send(to: number, message: Message): void;
  /** Whether this peer answers: what is sent to it now may arrive. */
  reaches(peer: number): boolean;
  /** Who belongs to our cluster from now on, as far as it is committed here. */
  reconfigure(cluster: Cluster): void;
  /** Set by the driver before anything arrives. */
  onMessage: (from: number, message: Message) => void;
  /** The stream from this peer broke and dialling it again was refused. */
  onDied: (peer: number) => void;
  close(): Promise<void>;
}
