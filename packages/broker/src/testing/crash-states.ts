import { type MemoryFiles, VirtualClock } from "@odradek/kit/testing";
import { batchesIn } from "@odradek/protocol";

import { checkRecovered, entriesOf, type Known } from "./crash-model.ts";
import { type CrashState, CrashWorkload, openDisk } from "./crash-workload.ts";
import { batchOf } from "./log-fixture.ts";
import { stepFiles } from "./step-files.ts";

/** What one seed came to. `states`: disks that were recovered and judged. */
export type CrashRun = { states: number; operations: number; failures: string[] };

const POWER_LOSSES = 3;
/** Of one state in so many, the recovery itself is interrupted at each of its operations. */
const INTERRUPTED_EVERY = 12;

/**
 * Runs the workload of a seed, and recovers the disk as a killed process and as losses of power leave it before each operation. `judged` hears of
 * each operation that is done.
 */
export async function crashEverywhere(
  seed: number,
  steps: number,
  judged: (run: CrashRun, operationsDone: number) => void = () => {},
): Promise<CrashRun> {
  const workload = new CrashWorkload(seed);
  await workload.run(steps);
  const run: CrashRun = { states: 0, operations: workload.states.length, failures: [] };
  for (const [index, state] of workload.states.entries()) {
    await judge(run, `seed ${seed}, kill before ${index} ${state.what}`, () => recover(state, 0, workload.flush));
    for (let loss = 1; loss <= POWER_LOSSES; loss++)
      await judge(run, `seed ${seed}, power loss ${loss} before ${index} ${state.what}`, () =>
        recover(state, loss, workload.flush),
      );
    if (index % INTERRUPTED_EVERY === 0) await interrupt(run, `seed ${seed}, state ${index}`, state, workload.flush);
    judged(run, index + 1);
  }
  return run;
}

/** The partitions' files of a data directory that was recovered from a loss of power late in the workload of a seed, and closed in order. */
export async function recoveredFiles(seed: number, steps: number): Promise<Map<string, Buffer>> {
  const workload = new CrashWorkload(seed);
  await workload.run(steps);
  const { disk, known } = workload.states.at(-1 - (seed % 40))!;
  const files = disk.copy(seed);
  files.crash();
  const { logs, open } = await openDisk(files, new VirtualClock(), workload.flush);
  for (const topic of known) await open(topic);
  await logs.close();
  const paths = known.flatMap(({ topic }) => files.list(`/data/${topic}-0`).map((name) => `${topic}-0/${name}`));
  return new Map(paths.map((path) => [path, files.readAll(`/data/${path}`)!]));
}

async function judge(run: CrashRun, name: string, recovering: () => Promise<void>): Promise<void> {
  run.states++;
  try {
    await recovering();
  } catch (error) {
    run.failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** `loss` 0: the process was killed. */
async function recover({ disk, known }: CrashState, loss: number, flush: "kafka" | "group"): Promise<void> {
  const files = disk.copy(loss);
  if (loss === 0) files.kill();
  else files.crash({ sizesFirst: loss === POWER_LOSSES });
  await check(files, known, { how: loss === 0 ? "kill" : "power", flush });
}

/** Opens all logs, judges them, writes to them, and opens them again after an orderly end. */
async function check(
  files: MemoryFiles,
  known: readonly Known[],
  { how, flush }: { how: "kill" | "power"; flush: "kafka" | "group" },
): Promise<void> {
  const clock = new VirtualClock();
  const disk = await openDisk(files, clock, flush);
  const opened = [];
  for (const topic of known) opened.push({ topic, ...(await disk.open(topic)) });
  for (const { topic, log, derived } of opened)
    named(topic.topic, () => {
      checkRecovered(topic, { log, derived }, how);
      checkSnapshots(files.list(`/data/${topic.topic}-0`), log.end);
    });
  const before: object[] = [];
  for (const { log } of opened) {
    const records = batchOf(["after"]);
    log.append(records, [...batchesIn(records)], 1_000_000);
    await clock.advance(0);
    before.push(entriesOf(log));
  }
  await disk.logs.close();
  const again = await openDisk(files, clock, flush);
  for (const [index, topic] of known.entries()) {
    const { log } = await again.open(topic);
    named(topic.topic, () => same(entriesOf(log), before[index]));
  }
  await again.logs.close();
}

/** None stands for records that are gone (KAFKA-9105): others will have their offsets. */
function checkSnapshots(names: readonly string[], end: number): void {
  const above = names.find((name) => name.endsWith(".snapshot") && Number.parseInt(name, 10) > end);
  if (above !== undefined) throw new Error(`keeps ${above} and ends at ${end}`);
}

/** The recovery from a loss of power is killed, or loses the power again, before each of its own operations. */
async function interrupt(run: CrashRun, name: string, state: CrashState, flush: "kafka" | "group"): Promise<void> {
  const files = state.disk.copy(99);
  files.crash();
  const steps = stepFiles(files);
  const copies: { what: string; disk: MemoryFiles }[] = [];
  steps.onChange = (what) => copies.push({ what, disk: files.copy(copies.length) });
  const clock = new VirtualClock();
  const disk = await openDisk(steps, clock, flush);
  for (const topic of state.known) await disk.open(topic);
  for (const [index, copy] of copies.entries())
    await judge(run, `${name}, recovery interrupted before ${index} ${copy.what}`, () => {
      if (index % 3 === 0) copy.disk.kill();
      else copy.disk.crash();
      return check(copy.disk, state.known, { how: "power", flush });
    });
}

function named(topic: string, run: () => void): void {
  try {
    run();
  } catch (error) {
    throw new Error(`${topic} ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function same(one: object, other: object | undefined): void {
  if (JSON.stringify(one) !== JSON.stringify(other)) throw new Error("is not the same after an orderly end");
}
