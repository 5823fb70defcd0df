import { Failure } from "../terminal/failure.ts";

export type Placed = { readonly topic: string; readonly partition: number; readonly replicas: readonly number[] };
export type Place = { readonly id: number; readonly rack: string | null };

type Moving = { topic: string; partition: number; replicas: number[] };

/**
 * Where partitions should go so that no replica is left on the brokers that are drained and the others carry as evenly as can be, with as
 * little moved as that takes: only what stands on a drained broker, and what one broker has more than another. A replica takes the place in
 * the list that the one it replaces had; racks are kept apart where there are enough. Answers only what changes.
 */
export function planned(
  placed: readonly Placed[],
  brokers: readonly Place[],
  { drain, isSpread }: { drain: readonly number[]; isSpread: boolean },
): Moving[] {
  const open = brokers.filter(({ id }) => !drain.includes(id));
  const plan = new Plan(placed, open);
  for (const one of plan.partitions)
    for (const from of one.replicas.filter((id) => drain.includes(id))) {
      const to = plan.best(one, from);
      if (to === null)
        throw new Failure(
          "runtime",
          `${one.topic}-${one.partition} has nowhere to go: it needs ${one.replicas.length} brokers`,
        );
      plan.replace(one, from, to);
    }
  if (isSpread) plan.spread();
  plan.evenOutLeaders(isSpread);
  return plan.partitions.filter((one, at) => String(one.replicas) !== String(placed[at]!.replicas));
}

/** The load of each broker while a plan is made. */
class Plan {
  readonly partitions: Moving[];
  readonly #racks: ReadonlyMap<number, string>;
  readonly #replicas = new Map<number, number>();
  readonly #before: readonly Placed[];

  constructor(placed: readonly Placed[], open: readonly Place[]) {
    this.#before = placed;
    this.partitions = placed.map(({ topic, partition, replicas }) => ({ topic, partition, replicas: [...replicas] }));
    // A broker without a rack stands alone.
    this.#racks = new Map(open.map(({ id, rack }) => [id, rack ?? `broker ${id}`]));
    for (const { id } of open) this.#replicas.set(id, 0);
    for (const { replicas } of placed) for (const id of replicas) this.#add(id, 1);
  }

  /** Who should have the replica that `from` has: a rack of its own first, then the least load. Null: nobody is left. */
  best(one: Moving, from: number): number | null {
    const others = one.replicas.filter((id) => id !== from);
    const free = [...this.#racks.keys()].filter((id) => !one.replicas.includes(id));
    const cost = (id: number): number[] => [this.#shared(others, id), this.#count(id), id];
    return free.toSorted((a, b) => compared(cost(a), cost(b)))[0] ?? null;
  }

  replace(one: Moving, from: number, to: number): void {
    one.replicas[one.replicas.indexOf(from)] = to;
    this.#add(from, -1);
    this.#add(to, 1);
  }

  /** From the broker that has most to the one that has least, as long as they differ by more than one. */
  spread(): void {
    for (;;) {
      const byLoad = [...this.#racks.keys()].toSorted((a, b) => this.#count(a) - this.#count(b) || a - b);
      if (!byLoad.some((to) => byLoad.toReversed().some((from) => this.#moveOne(from, to)))) return;
    }
  }

  /** The first places in the lists, where leaders stand; without `isAll` only those of partitions that move anyway. */
  evenOutLeaders(isAll: boolean): void {
    const candidates = this.partitions.filter(
      (one, at) => isAll || String(one.replicas) !== String(this.#before[at]!.replicas),
    );
    const leads = new Map([...this.#racks.keys()].map((id) => [id, 0]));
    for (const { replicas } of this.partitions) leads.set(replicas[0]!, (leads.get(replicas[0]!) ?? 0) + 1);
    for (let isChanged = true; isChanged;) {
      isChanged = false;
      for (const { replicas } of candidates) {
        const from = replicas[0]!;
        const to = replicas.toSorted((a, b) => leads.get(a)! - leads.get(b)!)[0]!;
        if (leads.get(from)! - leads.get(to)! < 2) continue;
        const at = replicas.indexOf(to);
        [replicas[0], replicas[at]] = [to, from];
        leads.set(from, leads.get(from)! - 1);
        leads.set(to, leads.get(to)! + 1);
        isChanged = true;
      }
    }
  }

  #moveOne(from: number, to: number): boolean {
    if (this.#count(from) - this.#count(to) < 2) return false;
    const one = this.partitions.find(({ replicas }) => {
      if (!replicas.includes(from) || replicas.includes(to)) return false;
      const others = replicas.filter((id) => id !== from);
      return this.#shared(others, to) <= this.#shared(others, from);
    });
    if (one === undefined) return false;
    this.replace(one, from, to);
    return true;
  }

  /** How many of these stand in the broker's rack. */
  #shared(others: readonly number[], id: number): number {
    const rack = this.#racks.get(id);
    return others.filter((other) => this.#racks.get(other) === rack).length;
  }

  #count(id: number): number {
    return this.#replicas.get(id) ?? 0;
  }

  #add(id: number, change: number): void {
    this.#replicas.set(id, this.#count(id) + change);
  }
}

function compared(one: readonly number[], other: readonly number[]): number {
  const at = one.findIndex((number, place) => number !== other[place]);
  return at < 0 ? 0 : one[at]! - other[at]!;
}
