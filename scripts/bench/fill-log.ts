import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NodeFiles } from "@odradek/kit";
import { Batch } from "@odradek/protocol";
import { formatCheckpoint } from "../../packages/broker/src/disk/checkpoint.ts";
import { ReadPool } from "../../packages/broker/src/disk/read-pool.ts";
import { Producers } from "../../packages/broker/src/partition/producers.ts";
import { fileName } from "../../packages/broker/src/segment/file-names.ts";
import { createSegment } from "../../packages/broker/src/segment/open-segment.ts";
import { batchOf } from "./shapes.ts";

const BATCH_BYTES = 512 * 1024;
const RECORD_BYTES = 1000;
const INDEX_INTERVAL_BYTES = 4096;

export type Filling = {
  readonly topic: string;
  readonly partitions: number;
  readonly segments: number;
  readonly segmentBytes: number;
};

/** Puts records into the logs of a stopped broker as if it had written them long ago: segments, indexes, checkpoints. */
export function fillLogs(dataDirectory: string, { topic, partitions, segments, segmentBytes }: Filling): void {
  const files = new NodeFiles();
  const batch = new Batch(batchOf(BATCH_BYTES, RECORD_BYTES).bytes);
  batch.partitionLeaderEpoch = 0;
  const batchesEach = Math.max(1, Math.floor(segmentBytes / batch.size));
  const end = segments * batchesEach * batch.recordsCount;
  for (let partition = 0; partition < partitions; partition++) {
    const directory = join(dataDirectory, `${topic}-${partition}`);
    const where = { files, directory, pool: new ReadPool() };
    for (let segment = 0; segment < segments; segment++) {
      const stored = createSegment(where, segment * batchesEach * batch.recordsCount);
      for (let index = 0; index < batchesEach; index++) {
        batch.baseOffset = stored.baseOffset + index * batch.recordsCount;
        stored.append(batch.bytes, [batch], INDEX_INTERVAL_BYTES);
        stored.write();
      }
      stored.seal();
      stored.close();
    }
    writeFileSync(join(directory, "leader-epoch-checkpoint"), formatCheckpoint([[0, 0]]));
    for (const name of files.list(directory)) if (name.endsWith(".snapshot")) rmSync(join(directory, name));
    writeFileSync(join(directory, fileName(end, "snapshot")), new Producers().snapshot());
  }
  const ends = Array.from({ length: partitions }, (_, partition) => [topic, partition, end]);
  for (const name of ["recovery-point-offset-checkpoint", "replication-offset-checkpoint"])
    writeFileSync(join(dataDirectory, name), formatCheckpoint(ends));
}
