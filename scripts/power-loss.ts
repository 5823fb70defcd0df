// Power losses of whole clusters: `node scripts/power-loss.ts [--seeds 1000] [--from 1] [--flush group|kafka]`.
// One simulated cluster per seed: brokers die, links break, and machines lose their power, one or all at once, with a seeded part of what their
// disks had not synced. Everything acknowledged must be there in the end; with --flush kafka it need not, and losses are counted.
import { parseArgs } from "node:util";
import { ReplicationStory } from "../packages/broker/src/testing/replication-story.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    flush: { type: "string", default: "group" },
  },
});
const from = Number(values.from);
const upTo = from + Number(values.seeds);
const startedMs = performance.now();
let [acknowledged, losses, failed] = [0, 0, 0];
for (let seed = from; seed < upTo; seed++) {
  const settings = { "odradek.flush": values.flush };
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
  `odradek.flush=${values.flush}: ${upTo - from} seeds, ${failed} failed; ${losses} losses of all power, ${acknowledged} acknowledged records, ${seconds} s`,
);
process.exitCode = failed > 0 && values.flush === "group" ? 1 : 0;
