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

  /** Reads the file; an unreadable one counts as empty: all of these offsets have a safe default. */
  constructor(files: Files, path: string) {
    this.#files = files;
    this.#path = path;
    for (const [topic, partition, offset] of parseCheckpoint(files.readAll(path)) ?? []) {
      const line = { topic: topic ?? "", partition: wholeNumber(partition), offset: wholeNumber(offset) };
      if (Number.isSafeInteger(line.partition) && Number.isSafeInteger(line.offset)) this.set(line);
    }
  }

  get(topic: string, partition: number): number | undefined {
    return this.#offsets.get(partitionName(topic, partition))?.offset;
  }

  set(line: PartitionOffset): void {
    this.#offsets.set(partitionName(line.topic, line.partition), line);
  }

  delete(topic: string, partition: number): void {
    this.#offsets.delete(partitionName(topic, partition));
  }

  /** Writes all of them, one save after the other. */
  save(): Promise<void> {
    const saved = this.#saving.then(() =>
      this.#files.replace(
        this.#path,
        formatCheckpoint([...this.#offsets.values()].map(({ topic, partition, offset }) => [topic, partition, offset])),
      ),
    );
    this.#saving = saved.catch(() => undefined); // whoever asked is told; the next save writes all of it again
    return saved;
  }
}
