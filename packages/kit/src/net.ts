/**
 * The port to byte streams. Received bytes are handed over in buffers that belong to the receiver's `take`: the transport asks
 * for room and says how much it filled, so that frames can be parsed where they landed (PERFORMANCE §1).
 */
export interface Connection {
  readonly remoteAddress: string;
  /** Queues buffers as one write. False: more than the high-water mark is waiting; stop until `onDrain`. `written` runs when they left. */
  write(buffers: readonly Buffer[], written?: () => void): boolean;
  /** Bytes queued and not yet taken by the kernel. */
  readonly queuedBytes: number;
  onDrain: () => void;
  /** Called once, after the last data. */
  onClosed: (error: Error | null) => void;
  /** Stops reading (the kernel then pushes back on the sender) until `resume`. */
  pause(): void;
  resume(): void;
  /** Closes after what is queued has left. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}

/** Where a connection's bytes go. */
export interface Sink {
  /** A buffer with room for at least one byte. It is filled from its start. */
  room(): Buffer;
  /** The first `bytes` bytes of the last `room()` have been filled. */
  filled(bytes: number): void;
}

export interface Listener {
  readonly port: number;
  /** Stops accepting; open connections stay. */
  close(): Promise<void>;
}

export interface Net {
  listen(address: { host: string; port: number }, accept: (connection: Connection) => Sink): Promise<Listener>;
  /** Rejects with the failing hop in the message (name lookup or TCP) when not connected within `timeoutMs`. */
  connect(
    address: { host: string; port: number },
    sink: (connection: Connection) => Sink,
    options: { timeoutMs: number },
  ): Promise<Connection>;
}
