import type { Cancel, Clock, Logger, Rpc, RpcClient } from "@odradek/kit";
import { batchesIn } from "@odradek/protocol";
import type { LogDamage } from "../log/inspection.ts";
import type { Peer } from "../partition/assignment.ts";
import type { Partition } from "../partition/partition.ts";
import { reread, type RereadReply } from "./messages.ts";

/** A peer answers from its page cache or its disk. */
const CALL_MS = 5_000;
/** Damage that nobody could mend is tried again after this, doubling: a peer may come back, or get whole itself. */
const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 60_000;
/** One stretch of damage that is mended; a disk that has lost more than this in one piece is to be replaced. */
const DAMAGE_BYTES_MAX = 64 * 1024 * 1024;

type HealerParts = {
  readonly brokerId: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly rpc: Rpc;
  /** The live brokers. */
  readonly peers: () => ReadonlyMap<number, Peer>;
};

type Patient = { isBusy: boolean; isAskedAgain: boolean; retryMs: number; cancelRetry: Cancel | null };

/**
 * Mends logs that a disk has damaged (RELIABILITY L-02): finds the stretch, asks those for it who must have it, and writes it back. A follower
 * asks its leader, a leader its in-sync replicas; what nobody has stays unreadable and is never cut off.
 */
export class Healer {
  readonly #parts: HealerParts;
  readonly #patients = new Map<Partition, Patient>();
  #closed = false;

  constructor(parts: HealerParts) {
    this.#parts = parts;
  }

  /** The partition's log is not what it was. Examines and mends it, one examination at a time. */
  heal(partition: Partition): void {
    const known = this.#patients.get(partition);
    const patient = known ?? { isBusy: false, isAskedAgain: false, retryMs: RETRY_MS_MIN, cancelRetry: null };
    this.#patients.set(partition, patient);
    // While it waits for the next try, one more reader who runs into the same damage changes nothing.
    if (this.#closed || patient.cancelRetry !== null) return;
    if (patient.isBusy) patient.isAskedAgain = true;
    else void this.#treat(partition, patient);
  }

  forget(partition: Partition): void {
    this.#patients.get(partition)?.cancelRetry?.();
    this.#patients.delete(partition);
  }

  close(): void {
    this.#closed = true;
    for (const partition of [...this.#patients.keys()]) this.forget(partition);
  }

  async #treat(partition: Partition, patient: Patient): Promise<void> {
    const { logger, clock } = this.#parts;
    patient.isBusy = true;
    let left = 1;
    try {
      patient.isAskedAgain = false;
      left = await this.#mendAll(partition);
    } catch (error) {
      logger.error({ evt: "mending-failed", partition: `${partition.replica}`, err: error }, "cannot mend a log");
    }
    patient.isBusy = false;
    if (this.#patients.get(partition) !== patient) return;
    partition.examined({ isWhole: left === 0 });
    if (left === 0 && !patient.isAskedAgain) this.#patients.delete(partition);
    else {
      patient.cancelRetry = clock.timer(patient.retryMs, () => {
        patient.cancelRetry = null;
        this.heal(partition);
      });
      patient.retryMs = Math.min(patient.retryMs * 2, RETRY_MS_MAX);
    }
  }

  /** Returns how many stretches could not be mended. */
  async #mendAll(partition: Partition): Promise<number> {
    const { log } = partition.replica;
    const bySegment = Map.groupBy(await log.inspection.examine(), ({ segment }) => segment);
    let left = 0;
    for (const damages of bySegment.values()) left += await this.#mendSegment(partition, damages);
    return left;
  }

  async #mendSegment(partition: Partition, damages: readonly LogDamage[]): Promise<number> {
    let left = 0;
    for (const damage of damages) {
      if (this.#closed || partition.replica.log.failed !== null) return damages.length;
      if (await this.#mend(partition, damage)) continue;
      // Whole batches may stand at wrong places in between, so that no single stretch has the right size.
      if (left === 0 && damages.length > 1 && (await this.#mend(partition, spanOf(damages)))) return 0;
      left++;
    }
    return left;
  }

  async #mend(partition: Partition, damage: LogDamage): Promise<boolean> {
    const { logger } = this.#parts;
    const fields = { partition: `${partition.replica}`, from: damage.from, to: damage.to };
    if (damage.from === damage.to) return partition.replica.log.inspection.dropEnd(damage);
    // What is not committed may differ from replica to replica; replication settles that first.
    if (damage.to > partition.high.value || damage.size > DAMAGE_BYTES_MAX) return false;
    for (const peer of this.#whoHasIt(partition)) {
      const address = this.#parts.peers().get(peer)?.grpcAddress;
      if (address === undefined) continue;
      const client = this.#parts.rpc.client(address);
      try {
        const { inspection } = partition.replica.log;
        const { records, isEmpty } = await this.#fetch(client, partition, damage);
        if (damage.size === 0 && records.length === 0 && isEmpty) return (inspection.accept(damage), true);
        if ((records.length > 0 || isEmpty) && (await inspection.mend(damage, records, isEmpty))) return true;
        logger.warn({ evt: "not-mended", peer, ...fields }, "a peer has nothing that fits");
      } catch (error) {
        logger.warn(
          { evt: "not-mended", peer, ...fields, err: error },
          "nothing could be had from a peer, or put in its place",
        );
      } finally {
        client.close();
      }
    }
    logger.error({ evt: "damage-stays", ...fields }, "nobody could give back what the disk has lost");
    return false;
  }

  #whoHasIt(partition: Partition): readonly number[] {
    const { role } = partition;
    if (role.is === "leader") return partition.isr.filter((id) => id !== this.#parts.brokerId);
    return role.leader < 0 ? [] : [role.leader];
  }

  /** What the peer has in [from, to), in pieces. `isEmpty`: it has nothing behind them. */
  async #fetch(client: RpcClient, partition: Partition, damage: LogDamage): Promise<RereadReply> {
    const topicId = Buffer.from(partition.topicId, "base64url");
    const pieces: Buffer[] = [];
    let bytes = 0;
    let isEmpty = false;
    for (let from = damage.from; from < damage.to && bytes < DAMAGE_BYTES_MAX;) {
      const request = { topicId, partition: partition.index, from, to: damage.to };
      const reply = await client.call(reread, request, { timeoutMs: CALL_MS });
      ({ isEmpty } = reply);
      let next = from;
      for (const batch of batchesIn(reply.records)) next = batch.nextOffset;
      if (next <= from) break;
      pieces.push(reply.records);
      bytes += reply.records.length;
      from = next;
    }
    return { records: Buffer.concat(pieces), isEmpty };
  }
}

/** From the first of them to the last. */
function spanOf(damages: readonly LogDamage[]): LogDamage {
  const [first, last] = [damages[0]!, damages.at(-1)!];
  return { ...last, from: first.from, position: first.position, size: last.position + last.size - first.position };
}
