import { expect, test } from "vitest";
import { killRun } from "./kill-run.ts";
import { installed, LibrdkafkaProducer } from "./stranger.ts";

const strangers = LibrdkafkaProducer.installed && installed("kcat", "-V");
if (!strangers) console.warn("skipped: the kill test needs kcat and Python's confluent_kafka");

test.skipIf(!strangers)(
  "O-07, L-01, I-10, G-05: each node is killed with -9 under load and nothing acknowledged is lost, doubled or reordered",
  { timeout: 240_000 },
  async () => {
    const report = await killRun({ rounds: 1, downMs: 1_500, log: (line) => console.log(line) });
    expect(report.violations).toEqual([]);
    expect(report.kills).toHaveLength(7);
    expect(report.acked).toBeGreaterThan(1_000);
    expect(report.ackedKafkajs).toBeGreaterThan(100);
  },
);
