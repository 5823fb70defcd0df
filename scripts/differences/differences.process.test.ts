import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

// KAFKA_PEER=HOST:PORT names another Kafka with brokers 1, 2 and 3.
const peer = process.env["KAFKA_PEER"];
if (peer === undefined) console.warn("skipped: KAFKA_PEER names no Kafka to compare with");

test.skipIf(peer === undefined)(
  "another Kafka is answered as docs/differences.md says, in the first and the last version of each API",
  { timeout: 900_000 },
  () => {
    const script = join(import.meta.dirname, "../differences.ts");
    const { stdout, status } = spawnSync(process.execPath, [script, "--ends", "--vs", peer!], { encoding: "utf8" });
    expect(stdout).toContain(" 0 of them not in docs/differences.md; 0 stories failed");
    expect(status).toBe(0);
  },
);
