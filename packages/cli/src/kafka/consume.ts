import { type Admin, type Consumer, createAdmin, createConsumer } from "@odradek/client";
import { once } from "node:events";
import { Failure } from "../terminal/failure.ts";
import { timeoutMs } from "../terminal/duration.ts";
import { tell } from "../terminal/output.ts";
import { findBounds, noticesOf, offsetAt, type Place } from "./bounds.ts";
import { asCommand } from "./failures.ts";
import { parseStart } from "./offsets.ts";
import { recordFormat, recordJson, type ShownRecord } from "./record-format.ts";
import { clientOptions, type KafkaOptions } from "./target.ts";

export type ConsumeOptions = KafkaOptions & {
  topics: string[];
  /** As typed: see `parseStart`. */
  start: string;
  json: boolean;
  countMax: number;
  /** End where the partitions ended when we began. */
  exit: boolean;
  groupId: string | undefined;
  rack: string | undefined;
  format: string | undefined;
  partitions: number[];
};

const pollMs = 200;
/** A rebalance waits for members that may be gone: so much longer has a group with `-e` until it must have come further. */
const rebalanceMs = 60_000;

export function runConsume(options: ConsumeOptions): Promise<void> {
  const start = parseStart(options.start, Date.now());
  const show = options.json ? jsonLine : recordFormat(options.format ?? "%v\\n");
  if (options.groupId !== undefined && (options.partitions.length > 0 || !["start", "end"].includes(start.is)))
    throw new Failure(
      "usage",
      "a group shares out partitions and keeps its own offsets: only -o start or end goes with -g",
    );
  return asCommand(async () => {
    await using admin = createAdmin(clientOptions(options));
    const places = await findPlaces(admin, options);
    const ends = await admin.listOffsets(places, "latest");
    await using consumer = createConsumer({
      ...clientOptions(options),
      autoOffsetReset: start.is === "end" ? "latest" : "earliest",
      isAutoCommit: false,
      ...(options.groupId === undefined ? {} : { groupId: options.groupId }),
      ...(options.rack === undefined ? {} : { rack: options.rack }),
    });
    if (options.groupId === undefined) {
      const bounds = await findBounds(admin, ends, start);
      for (const notice of noticesOf(bounds, options.start)) tell(notice);
      consumer.assign(bounds.map(({ topic, partition, start: offset }) => ({ topic, partition, offset })));
      await pump(consumer, options, show, () =>
        bounds.every((each) => (consumer.position(each) ?? each.start) >= each.end),
      );
    } else {
      consumer.subscribe(options.topics);
      await pump(consumer, options, show, () => hasReadAssigned(consumer, ends));
    }
  });
}

/** Prints what comes until there is a reason to stop; a group's offsets are committed as far as was printed. */
async function pump(
  consumer: Consumer,
  options: ConsumeOptions,
  show: (record: ShownRecord) => Buffer,
  isAtEnd: () => boolean,
): Promise<void> {
  const interrupted = Promise.withResolvers<null>();
  let isInterrupted = false;
  const interrupt = (): void => {
    isInterrupted = true;
    interrupted.resolve(null);
  };
  process.once("SIGINT", interrupt);
  const stall = stallAlarm(consumer, options);
  let left = options.countMax;
  while (left > 0 && !isInterrupted && !(options.exit && isAtEnd())) {
    const batch = await Promise.race([consumer.next({ timeoutMs: pollMs }), interrupted.promise]);
    if (batch === null) {
      stall();
      continue;
    }
    const { topic, partition } = batch;
    const records = batch.records.slice(0, left);
    left -= records.length;
    const bytes = Buffer.concat(records.map((record) => show({ topic, partition, ...record })));
    if (!process.stdout.write(bytes)) await once(process.stdout, "drain");
    const offset = records.length < batch.records.length ? records.at(-1)!.offset + 1 : batch.nextOffset;
    if (options.groupId !== undefined) await consumer.commit([{ topic, partition, offset }]);
  }
  process.off("SIGINT", interrupt);
  if (isInterrupted) throw new Failure("interrupted", "interrupted");
}

/** To be called when nothing has come: with `-e` there is an end to come to, and no progress towards it is a failure. */
function stallAlarm(consumer: Consumer, options: ConsumeOptions): () => void {
  const limitMs = timeoutMs(options.timeout) + (options.groupId === undefined ? 0 : rebalanceMs);
  let seen = "";
  let seenAt = performance.now();
  return () => {
    const positions = consumer
      .assignment()
      .map((place) => `${place.topic}-${place.partition} ${consumer.position(place)}`);
    const now = performance.now();
    if (positions.join() !== seen) [seen, seenAt] = [positions.join(), now];
    if (!options.exit || now - seenAt < limitMs) return;
    const where = positions.length === 0 ? "no partition was assigned" : `still at ${positions.join(", ")}`;
    throw new Failure("timeout", `nothing came within ${limitMs} ms: ${where}; --timeout gives it longer`);
  };
}

const jsonLine = (record: ShownRecord): Buffer => Buffer.from(`${JSON.stringify(recordJson(record))}\n`);

async function findPlaces(admin: Admin, { topics, partitions }: ConsumeOptions): Promise<Place[]> {
  const described = await admin.describeTopics(topics);
  const all = described.flatMap(({ name, partitions: found }) =>
    found.map(({ partition }) => ({ topic: name, partition })),
  );
  const missing = partitions.filter((wanted) => !all.some(({ partition }) => partition === wanted));
  if (missing.length > 0) throw new Failure("notFound", `${topics.join(", ")} has no partition ${missing.join(", ")}`);
  return partitions.length === 0 ? all : all.filter(({ partition }) => partitions.includes(partition));
}

function hasReadAssigned(consumer: Consumer, ends: readonly (Place & { offset: number })[]): boolean {
  const assigned = consumer.assignment();
  return (
    assigned.length > 0 &&
    assigned.every((place) => {
      const position = consumer.position(place);
      return position !== null && position >= (offsetAt(ends, place) ?? 0);
    })
  );
}
