import { ReplicationStory } from "../packages/broker/src/testing/replication-story.ts";
import { count, oneOf, readOptions } from "./options.ts";

const usage = `usage: node scripts/bootstrap/run.js scripts/power-loss.ts [--seeds N] [--from S] [--flush group|kafka]
  One simulated cluster per seed: brokers die, links break, and machines lose their power, one or all at once, with a seeded part of
  what their disks had not synced. Everything acknowledged must be there in the end.
  --seeds N   how many seeds (1000)
  --from S    the first of them (1)
  --flush     group (the default), or kafka: then losses are counted, and are no failure
`;

const { options } = readOptions({
  usage,
  options: { seeds: count(1000), from: count(1), flush: oneOf(["group", "kafka"], "group") },
});
const { from, seeds, flush } = options;
const upTo = from + seeds;
const startedMs = performance.now();
let [acknowledged, losses, failed] = [0, 0, 0];
for (let seed = from; seed < upTo; seed++) {
  const settings = { "odradek.flush": flush };
  const story = await ReplicationStory.start(seed, { power: true, moves: seed % 3 === 0, settings });
  try {
    await story.run(300);
    await story.end();
  } catch (error) {
    failed++;
    if (failed <= 10) console.log(`seed ${seed}: ${error instanceof Error ? error.message.split("\n", 1)[0] : error}`);
  }
  acknowledged += story.acknowledged;
  losses += story.powerLosses;
}
const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
console.log(
  `odradek.flush=${flush}: ${seeds} seeds, ${failed} failed; ${losses} losses of all power, ${acknowledged} acknowledged records, ${seconds} s`,
);
process.exitCode = failed > 0 && flush === "group" ? 1 : 0;
