import type { Files } from "@odradek/kit";
import { formatCheckpoint, parseCheckpoint, wholeNumber } from "./checkpoint.ts";
import { partitionName } from "./partition-names.ts";

type PartitionOffset = { readonly topic: string; readonly partition: number; readonly offset: number };

/** One of Kafka's offset checkpoints of a data directory: lines of topic, partition, offset. */
export class OffsetCheckpoint {
  readonly #files: Files;
  readonly #path: string;
  readonly #offsets = new Map<string, PartitionOffset>();
  #saving: Promise<void> = Promise.resolve();
  #isChanged = false;

  /** Reads the file; an unreadable one counts as empty: all of these offsets have a safe default. */
  constructor(files: Files, path: string) {
    this.#files = files;
    this.#path = path;
    for (const [topic, partition, offset] of parseCheckpoint(files.readAll(path)) ?? []) {
      const line = { topic: topic ?? "", partition: wholeNumber(partition), offset: wholeNumber(offset) };
      if (Number.isSafeInteger(line.partition) && Number.isSafeInteger(line.offset)) this.set(line);
    }
    this.#isChanged = false;
  }

  get(topic: string, partition: number): number | undefined {
    return this.#offsets.get(partitionName(topic, partition))?.offset;
  }

  set(line: PartitionOffset): void {
    const name = partitionName(line.topic, line.partition);
    if (this.#offsets.get(name)?.offset === line.offset) return;
    this.#offsets.set(name, line);
    this.#isChanged = true;
  }

  delete(topic: string, partition: number): void {
    if (this.#offsets.delete(partitionName(topic, partition))) this.#isChanged = true;
  }

  /** Writes all of them if one has changed, one save after the other. */
  save(): Promise<void> {
    const saved = this.#saving.then(() => this.#write());
    this.#saving = saved.catch(() => undefined); // whoever asked is told; the next save writes all of it again
    return saved;
  }

  async #write(): Promise<void> {
    if (!this.#isChanged) return;
    this.#isChanged = false;
    const lines = [...this.#offsets.values()].map(({ topic, partition, offset }) => [topic, partition, offset]);
    try {
      await this.#files.replace(this.#path, formatCheckpoint(lines));
    } catch (error) {
      this.#isChanged = true;
      throw error;
    }
  }
}
