import { must } from "@odradek/kit/simulation";

import type { Partition } from "../../partition/partition.ts";
import type { History } from "./history.ts";
import type { SimBroker } from "./sim-broker.ts";
import type { SimRecord } from "./sim-record.ts";
import { StoredLog } from "./stored-log.ts";
import { Tombstones } from "./tombstones.ts";

/** One replica in one life of its broker, as it was seen last. */
type Seen = {
  partition: Partition;
  log: StoredLog;
  high: number;
  written: number;
  /** Everything below is as the history has it. */
  verified: number;
  /** Where logs are compacted. */
  tombstones: Tombstones | null;
  leaderEpoch: number;
  /** What it was when the log was last read from its start. */
  segmentsRemoved: number;
};

/** What a broker that is not there had on disk when it was seen last. */
export type Remains = {
  written: number;
  synced: number;
  /** Up to where it knew that all was committed. */
  committed: number;
};

/** What must hold of every replica of one partition after every event, over all brokers and their lives. */
export class ReplicaChecks {
  readonly #topic: string;
  readonly #index: number;
  readonly #history: History;
  readonly #seen = new Map<SimBroker, Seen>();
  readonly #remains = new Map<SimBroker, Remains>();
  /** By leader epoch, the one life of the one broker that leads in it. */
  readonly #leaders = new Map<number, string>();

  constructor(topic: string, index: number, history: History) {
    this.#topic = topic;
    this.#index = index;
    this.#history = history;
  }

  /** After every event, for every broker that is up. */
  look(broker: SimBroker): void {
    const partition = broker.life?.broker?.replicas.partition(this.#topic, this.#index);
    if (partition === undefined) {
      // No replica any more: what it had is deleted, and if it becomes one again it begins anew.
      if (broker.isUp && this.#seen.delete(broker)) this.#remains.delete(broker);
      return;
    }
    let seen = this.#seen.get(broker);
    if (seen?.partition !== partition) {
      const log = this.#storedLog(broker)!;
      const tombstones = this.#history.survivors && new Tombstones();
      seen = { partition, log, high: 0, written: 0, verified: 0, tombstones, leaderEpoch: -1, segmentsRemoved: -1 };
      this.#seen.set(broker, seen);
      this.#opened(broker, seen);
    }
    this.#moved(broker, seen);
    if (this.#history.survivors !== null && seen.segmentsRemoved !== broker.disk.segmentsRemoved)
      this.#reread(broker, seen);
    const { role } = partition;
    if (role.is === "leader" && role.leaderEpoch !== seen.leaderEpoch) this.#leads(broker, seen, role.leaderEpoch);
    if (role.is !== "leader") seen.leaderEpoch = -1;
  }

  /** The broker's process ended; `lossy`: its machine lost power. */
  died(broker: SimBroker, { lossy }: { lossy: boolean }): void {
    const seen = this.#seen.get(broker);
    this.#seen.delete(broker);
    if (seen === undefined) {
      // It was starting, and may have opened its log and followed already: what it had before is still there, or as much of it as was safe.
      const before = this.#remains.get(broker);
      if (before === undefined) return;
      const written = lossy ? before.synced : Math.max(before.written, this.#storedLog(broker)?.end ?? 0);
      this.#leave(broker, { ...before, written });
      return;
    }
    const { log } = seen.partition.replica;
    const synced = Math.min(log.synced, log.written.value);
    const written = lossy ? synced : Math.max(seen.written, log.written.value);
    this.#leave(broker, { written, synced, committed: seen.verified });
  }

  /** The disk that had it has been replaced. */
  forgotten(broker: SimBroker): void {
    if (this.#storedLog(broker) === null) this.#remains.delete(broker);
  }

  #storedLog(broker: SimBroker): StoredLog | null {
    const name = `${this.#topic}-${this.#index}`;
    const path = broker.disk.paths.find((each) => broker.disk.memoryOf(each).exists(`${each}/${name}`));
    return path === undefined ? null : new StoredLog(broker.disk.memoryOf(path), `${path}/${name}`);
  }

  #leave(broker: SimBroker, { written, synced, committed }: Remains): void {
    this.#remains.set(broker, { written, synced, committed: Math.min(written, committed) });
  }

  /** It is no replica any more, dead or alive. */
  left(broker: SimBroker): void {
    this.#remains.delete(broker);
  }

  /** Where the log of a broker ends, dead or alive; null while it is opened. */
  endOf(broker: SimBroker): number | null {
    const seen = this.#seen.get(broker);
    if (seen !== undefined) return seen.written;
    return broker.life === null ? (this.#remains.get(broker)?.written ?? 0) : null;
  }

  /** Every replica has the same records, all of them committed. */
  convergedOn(brokers: readonly SimBroker[]): boolean {
    return brokers.every((broker) => {
      const seen = this.#seen.get(broker);
      if (seen === undefined) return false;
      const { partition, high, written, verified } = seen;
      return written === this.#history.end && high === written && partition.end === written && verified === high;
    });
  }

  /** All records of a broker that is up, from its log's start on. */
  records(broker: SimBroker): { start: number; records: { offset: number; value: string }[] } {
    const seen = this.#seen.get(broker)!;
    const { start } = seen.partition;
    // What compaction has taken was judged when it was gone.
    const records =
      this.#history.survivors === null ? [...seen.log.read(start, seen.written)] : this.#history.from(start);
    return { start, records };
  }

  /** A broker is back: of what is committed it has all that had been written, or after a power loss all that had been synced (L-01). */
  #opened(broker: SimBroker, { partition }: Seen): void {
    const had = this.#remains.get(broker)?.committed ?? 0;
    must(
      partition.end >= had,
      `${broker.name} had ${partition.replica} up to ${had} on disk, and has it up to ${partition.end} after its start`,
    );
  }

  #moved(broker: SimBroker, seen: Seen): void {
    const { partition } = seen;
    const high = partition.high.value;
    const written = partition.replica.log.written.value;
    if (high === seen.high && written === seen.written) return;
    const who = `${broker.name} (life ${broker.life!.number})`;
    must(
      high >= seen.high,
      `${who}: the high watermark of ${partition.replica} went back from ${seen.high} to ${high}`,
    );
    must(
      seen.leaderEpoch < 0 || written >= seen.written,
      `${who} leads ${partition.replica} and its log went back from ${seen.written} to ${written}`,
    );
    must(written >= seen.verified, `${who} cut committed records off ${partition.replica}: it ends at ${written} now`);
    seen.high = high;
    seen.written = written;
    this.#verify(who, seen, Math.min(high, written));
  }

  #verify(who: string, seen: Seen, to: number): void {
    const records = this.#compare(who, seen, Math.max(seen.verified, seen.partition.start), to);
    for (const record of records) seen.tombstones?.read(record);
    seen.verified = Math.max(seen.verified, to);
  }

  /** Returns what is there. */
  #compare(who: string, seen: Seen, from: number, to: number): SimRecord[] {
    const records = [...seen.log.read(from, to)];
    let next = from;
    for (const record of records) {
      this.#history.missing(next, record.offset, who);
      this.#history.committed(record, who);
      next = record.offset + 1;
    }
    this.#history.missing(next, to, who);
    return records;
  }

  /** Segments are gone: compaction may have put others in their place. */
  #reread(broker: SimBroker, seen: Seen): void {
    seen.segmentsRemoved = broker.disk.segmentsRemoved;
    const { start, replica } = seen.partition;
    must(start === 0 || this.#history.survivors!.plan.mayExpire, `${broker.name}: ${replica} starts at ${start}`);
    const who = `${broker.name} (life ${broker.life!.number})`;
    seen.tombstones?.judge(this.#compare(who, seen, start, seen.verified), who);
  }

  /** One leader per epoch, and it has every record that was ever committed (S11, P-01 … P-12). */
  #leads(broker: SimBroker, seen: Seen, leaderEpoch: number): void {
    seen.leaderEpoch = leaderEpoch;
    const who = `${broker.name} (life ${broker.life!.number})`;
    const other = this.#leaders.get(leaderEpoch);
    must(
      other === undefined || other === who,
      `${other} and ${who} both lead ${seen.partition.replica} in epoch ${leaderEpoch}`,
    );
    this.#leaders.set(leaderEpoch, who);
    const { end } = this.#history;
    must(
      seen.written >= end,
      `${who} leads ${seen.partition.replica} in epoch ${leaderEpoch} and ends at ${seen.written}, where ${end} records are committed`,
    );
    this.#verify(who, seen, end);
  }
}
