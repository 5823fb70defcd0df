import { type Partition, groupedBy } from "../cluster/offsets.ts";

export type Subscription = { readonly memberId: string; readonly topics: readonly string[] };

/** How a group's leader spreads partitions over its members. All members must know the same ones by the same names. */
export type Assignor = {
  readonly name: string;
  /** Partition counts by topic; unknown topics are left out. */
  assign(members: readonly Subscription[], counts: ReadonlyMap<string, number>): Map<string, Partition[]>;
};

const byId = (a: Subscription, b: Subscription): number => (a.memberId < b.memberId ? -1 : 1);

const nothingFor = (members: readonly Subscription[]): Map<string, Partition[]> =>
  new Map(members.map(({ memberId }) => [memberId, []]));

/** Per topic, each subscriber gets a run of neighbouring partitions; the first ones get one more. */
export const rangeAssignor: Assignor = {
  name: "range",
  assign(members, counts) {
    const assigned = nothingFor(members);
    const interested = members.flatMap((member) => member.topics.map((topic) => ({ topic, member })));
    for (const [topic, list] of groupedBy(interested, (one) => one.topic)) {
      const subscribers = list.map(({ member }) => member).toSorted(byId);
      const count = counts.get(topic) ?? 0;
      const each = Math.floor(count / subscribers.length);
      const more = count % subscribers.length;
      let partition = 0;
      for (const [index, { memberId }] of subscribers.entries()) {
        const end = partition + each + (index < more ? 1 : 0);
        for (; partition < end; partition++) assigned.get(memberId)!.push({ topic, partition });
      }
    }
    return assigned;
  },
};

/** All partitions of all topics are dealt out in turn, passing over members that did not ask for the topic. */
export const roundRobinAssignor: Assignor = {
  name: "roundrobin",
  assign(members, counts) {
    const assigned = nothingFor(members);
    const sorted = members.toSorted(byId);
    let turn = 0;
    for (const topic of [...new Set(members.flatMap((member) => member.topics))].toSorted()) {
      for (let partition = 0; partition < (counts.get(topic) ?? 0); partition++) {
        while (!sorted[turn % sorted.length]!.topics.includes(topic)) turn++;
        assigned.get(sorted[turn++ % sorted.length]!.memberId)!.push({ topic, partition });
      }
    }
    return assigned;
  },
};
