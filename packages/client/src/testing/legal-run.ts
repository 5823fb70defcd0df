import { integerBelow } from "@odradek/kit";
import { SeededRandom } from "@odradek/kit/testing";
import { History, type ReadRecord, type Verdict } from "../history/history.ts";

export type Step =
  | { is: "send"; producer: number }
  | { is: "acknowledged"; producer: number; value: number; offset: number }
  | { is: "failed"; producer: number; value: number }
  | { is: "assigned"; consumer: number }
  | { is: "sought"; consumer: number; offset: number }
  | { is: "polled"; consumer: number; records: ReadRecord[] };

/** What a log that keeps its promises could show its clients. */
export type Run = { steps: Step[]; log: ReadRecord[] };

const PRODUCERS = 3;
/** Those from here on are members of one group. */
const LONERS = 2;
const CONSUMERS = 4;

type World = Run & {
  random: SeededRandom;
  /** The offset that the next record or marker gets. */
  end: number;
  sent: number;
  inFlight: number[][];
  positions: number[];
  committed: number;
};

/** Producers whose sends end in every way, markers between the records, consumers that seek, and a group that changes hands. */
export function legalRun(seed: number, length: number): Run {
  const world: World = {
    ...{ steps: [], log: [], random: new SeededRandom(seed), end: 0, sent: 0, committed: 0 },
    inFlight: Array.from({ length: PRODUCERS }, () => []),
    positions: Array.from({ length: CONSUMERS }, () => 0),
  };
  for (let step = 0; step < length; step++) {
    const dice = integerBelow(world.random, 100);
    if (dice < 35) send(world);
    else if (dice < 65) endSend(world);
    else if (dice < 68) world.end++;
    else if (dice < 71) move(world);
    else poll(world, integerBelow(world.random, CONSUMERS));
  }
  while (world.inFlight.some((values) => values.length > 0)) endSend(world);
  for (let consumer = 0; consumer < CONSUMERS; consumer++) while (poll(world, consumer));
  return { steps: world.steps, log: world.log };
}

function send(world: World): void {
  const producer = integerBelow(world.random, PRODUCERS);
  world.steps.push({ is: "send", producer });
  world.inFlight[producer]!.push(world.sent++);
}

function endSend(world: World): void {
  const producer = integerBelow(world.random, PRODUCERS);
  const value = world.inFlight[producer]!.shift();
  if (value === undefined) return;
  const dice = integerBelow(world.random, 10);
  if (dice === 0) world.steps.push({ is: "failed", producer, value });
  if (dice <= 1) return; // unknown, and not written
  const offset = world.end++;
  world.log.push({ offset, value });
  if (dice > 2) world.steps.push({ is: "acknowledged", producer, value, offset });
}

function poll({ steps, log, positions, random }: World, consumer: number): boolean {
  const from = positions[consumer]!;
  const records = log.filter(({ offset }) => offset >= from).slice(0, 1 + integerBelow(random, 5));
  if (records.length === 0) return false;
  steps.push({ is: "polled", consumer, records });
  positions[consumer] = records.at(-1)!.offset + 1;
  return true;
}

/** A seek of a loner; members of the group begin anew, all where the group has committed. */
function move(world: World): void {
  const { steps, positions, random, end } = world;
  if (integerBelow(random, 2) === 0) {
    const consumer = integerBelow(random, LONERS);
    const offset = integerBelow(random, end + 1);
    steps.push({ is: "sought", consumer, offset });
    positions[consumer] = offset;
    return;
  }
  const members = [...positions.keys()].slice(LONERS);
  const farthest = Math.max(...members.map((consumer) => positions[consumer]!));
  world.committed += integerBelow(random, farthest - world.committed + 1);
  for (const consumer of members) {
    steps.push({ is: "assigned", consumer });
    positions[consumer] = world.committed;
  }
}

export function judgeRun({ steps, log }: Run, partition = "words-0"): Verdict {
  const history = new History();
  const producers = Array.from({ length: PRODUCERS }, (_, at) => history.producer(`p${at}`));
  const consumers = Array.from({ length: CONSUMERS }, (_, at) => history.consumer(`c${at}`, at < LONERS ? null : "g"));
  for (const step of steps) {
    if (step.is === "send") producers[step.producer]!.send(partition);
    if (step.is === "acknowledged") producers[step.producer]!.acknowledged(partition, step.value, step.offset);
    if (step.is === "failed") producers[step.producer]!.failed(partition, step.value);
    if (step.is === "assigned") consumers[step.consumer]!.assigned();
    if (step.is === "sought") consumers[step.consumer]!.sought(partition, step.offset);
    if (step.is === "polled") consumers[step.consumer]!.polled(partition, step.records);
  }
  history.log(partition, log);
  return history.judge({ isReadToEnd: true });
}
