import type { Session } from "@odradek/metadata/client";
import { limits } from "../limits.ts";
import { encode, paths, readCounter } from "./nodes.ts";

type Block = { next: number; end: number };

/**
 * Producer ids, unique in the cluster for ever (RELIABILITY I-11): a block is reserved by a compare-and-set on the tree
 * before its first id is used, and what a dead broker did not hand out is never used again.
 */
export class ProducerIds {
  readonly #session: () => Session;
  #block: Block = { next: 0, end: 0 };
  #reserving: Promise<void> | null = null;

  constructor(session: () => Session) {
    this.#session = session;
  }

  /** Rejects when no block could be reserved. */
  async allocate(): Promise<number> {
    while (this.#block.next >= this.#block.end) {
      this.#reserving ??= this.#reserve().finally(() => (this.#reserving = null));
      await this.#reserving;
    }
    return this.#block.next++;
  }

  async #reserve(): Promise<void> {
    const session = this.#session();
    for (let attempt = 0; attempt < limits.transactionTriesMax; attempt++) {
      const node = await session.get(paths.producerIds);
      const next = node ? readCounter(node, "next") : 0;
      const end = next + limits.producerIdBlock;
      const data = encode({ next: end });
      const outcome = node
        ? await session.set(paths.producerIds, data, node.version)
        : await session.create(paths.producerIds, data);
      if (outcome.is === "done") {
        this.#block = { next, end };
        return;
      }
    }
    throw new Error(`no block of producer ids could be reserved in ${limits.transactionTriesMax} tries`);
  }
}
