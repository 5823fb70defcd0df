import type { Znode } from "@odradek/metadata/client";
import type { StoreSession } from "../meta/past.ts";

/** A session on a few fixed paths that can be read, and ended from outside. */
export class FakeSession implements Pick<StoreSession, "get" | "children" | "ended" | "close"> {
  readonly ended: Promise<"expired" | "closed">;
  readonly end: (ending: "expired" | "closed") => void;
  readonly #paths: readonly string[];

  constructor(paths: readonly string[]) {
    const { promise, resolve } = Promise.withResolvers<"expired" | "closed">();
    this.ended = promise;
    this.end = resolve;
    this.#paths = ["/", ...paths];
  }

  /** As what the shell takes; what it does not have is not called. */
  get session(): StoreSession {
    return this as unknown as StoreSession;
  }

  get(path: string): Promise<Znode | null> {
    if (!this.#paths.includes(path)) return Promise.resolve(null);
    const numbers = { version: 1, createdRevision: 1, modifiedRevision: 1, owner: null };
    return Promise.resolve({ path, data: Buffer.alloc(0), childCount: this.#below(path).length, ...numbers });
  }

  children(path: string): Promise<string[]> {
    return Promise.resolve(this.#below(path));
  }

  close(): Promise<void> {
    this.end("closed");
    return Promise.resolve();
  }

  #below(path: string): string[] {
    const prefix = path === "/" ? "/" : `${path}/`;
    const below = this.#paths.filter((each) => each !== "/" && each.startsWith(prefix));
    return below.map((each) => each.slice(prefix.length)).filter((name) => !name.includes("/"));
  }
}
