import { closeSync, fstatSync, openSync, readSync, watch, type FSWatcher } from "node:fs";

const pollMs = 200;

/** One line of a node's log, as pino writes it. Lines that are not JSON (a crash of Node itself) have only `msg`. */
export type LogLine = { level?: number; msg: string; evt?: string; time?: number; ports?: Record<string, number> };

/**
 * Follows a log file from where it ends now. Nodes write to the file and not to a pipe: a `dev` that is suspended
 * (Ctrl-Z) or behind a slow terminal must never block a broker in the middle of a write.
 */
export class LogTail {
  readonly #fd: number;
  readonly #watcher: FSWatcher;
  readonly #poll: NodeJS.Timeout;
  readonly #onLine: (line: LogLine) => void;
  #position: number;
  /** A character may lie across two reads. */
  readonly #decoder = new TextDecoder();
  #rest = "";

  constructor(path: string, onLine: (line: LogLine) => void) {
    this.#fd = openSync(path, "r");
    this.#position = fstatSync(this.#fd).size;
    this.#onLine = onLine;
    this.#watcher = watch(path, () => this.drain());
    // Notification is best effort on some file systems; a slow poll is what may be relied on.
    this.#poll = setInterval(() => this.drain(), pollMs);
  }

  /** Reads what has been written since the last call. */
  drain(): void {
    const chunk = Buffer.alloc(64 * 1024);
    for (;;) {
      const read = readSync(this.#fd, chunk, 0, chunk.length, this.#position);
      if (read === 0) return;
      this.#position += read;
      const lines = (this.#rest + this.#decoder.decode(chunk.subarray(0, read), { stream: true })).split("\n");
      this.#rest = lines.pop() ?? "";
      for (const line of lines) if (line !== "") this.#onLine(parse(line));
    }
  }

  close(): void {
    this.drain();
    clearInterval(this.#poll);
    this.#watcher.close();
    closeSync(this.#fd);
  }
}

function parse(line: string): LogLine {
  if (!line.startsWith("{")) return { msg: line };
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { msg: line }; // torn by a kill in the middle of the write
  }
}
