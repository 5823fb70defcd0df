import { integerBelow, type Random } from "@odradek/kit";

export const faultKinds = ["kill", "pause", "partition", "slow", "disk-full", "clock", "rolling"] as const;
export type FaultKind = (typeof faultKinds)[number];

/** "broker 2", "metadata 1". */
export type NodeName = string;

export type Cut = { readonly from: NodeName; readonly to: NodeName };

/** One fault as it is planned. It holds for `forMs`, then it is healed. */
export type Fault =
  | { readonly is: "kill" | "pause" | "disk-full"; readonly node: NodeName; readonly forMs: number }
  | { readonly is: "partition"; readonly says: string; readonly cuts: readonly Cut[]; readonly forMs: number }
  | {
      readonly is: "slow";
      readonly node: NodeName;
      readonly delayMs: number;
      readonly jitterMs: number;
      readonly bytesPerSecond: number;
      readonly forMs: number;
    }
  | { readonly is: "clock"; readonly node: NodeName; readonly offsetMs: number; readonly forMs: number }
  /** All nodes one after the other; over when the last is back. */
  | { readonly is: "rolling"; readonly forMs: 0 };

export type Nodes = { readonly brokers: readonly NodeName[]; readonly metadata: readonly NodeName[] };

/** Long enough for the others to give a silent node up: the session timeout of 6 s, and an election. */
const silenceMs = { min: 9_000, max: 12_000 };
const dayMs = 86_400_000;

/**
 * Faults without end, the same for the same chance: rounds of all kinds in changing order, so that none is left out for long.
 * Who is hit is drawn by name: what leads or controls at that moment depends on the run and would not come back with the seed.
 */
export function* schedule(kinds: readonly FaultKind[], nodes: Nodes, random: Random): Generator<Fault, never> {
  for (;;) for (const kind of shuffled(kinds, random)) yield draw(kind, nodes, random);
}

function draw(kind: FaultKind, nodes: Nodes, random: Random): Fault {
  const between = (min: number, max: number): number => min + integerBelow(random, max - min + 1);
  switch (kind) {
    case "kill":
      return { is: kind, node: anyNode(nodes, random), forMs: between(1_000, 4_000) };
    case "pause":
      return { is: kind, node: anyNode(nodes, random), forMs: between(silenceMs.min, silenceMs.max) };
    case "disk-full":
      return { is: kind, node: one(nodes.brokers, random), forMs: between(2_000, 5_000) };
    case "partition":
      return partition(nodes, random, between(silenceMs.min, silenceMs.max));
    case "slow": {
      const delayMs = between(20, 200);
      const bytesPerSecond = between(1, 8) * 1024 * 1024;
      const node = anyNode(nodes, random);
      return {
        is: kind,
        node,
        delayMs,
        jitterMs: Math.round(delayMs / 2),
        bytesPerSecond,
        forMs: between(3_000, 6_000),
      };
    }
    case "clock": {
      const farMs = [1_000, 60_000, 3_600_000, dayMs][integerBelow(random, 4)]!;
      const offsetMs = random.next() < 0.5 ? farMs : -farMs;
      return { is: kind, node: anyNode(nodes, random), offsetMs, forMs: between(3_000, 6_000) };
    }
    case "rolling":
      return { is: kind, forMs: 0 };
  }
}

/** One node cut off from all others, from them or towards them only, or one pair of nodes cut in one direction. */
function partition(nodes: Nodes, random: Random, forMs: number): Fault {
  const all = [...nodes.brokers, ...nodes.metadata];
  const node = anyNode(nodes, random);
  const others = all.filter((other) => other !== node);
  const out = others.map((other) => ({ from: node, to: other }));
  const into = others.map((other) => ({ from: other, to: node }));
  const other = one(others, random);
  const ways = [
    { says: `${node} cut off`, cuts: [...out, ...into] },
    { says: `nothing from ${node} arrives`, cuts: out },
    { says: `nothing to ${node} arrives`, cuts: into },
    { says: `nothing from ${node} to ${other} arrives`, cuts: [{ from: node, to: other }] },
  ];
  return { is: "partition", ...one(ways, random), forMs };
}

/** Brokers twice as often: there is more to lose. */
const anyNode = ({ brokers, metadata }: Nodes, random: Random): NodeName =>
  one(integerBelow(random, 3) < 2 || metadata.length === 0 ? brokers : metadata, random);

const one = <T>(list: readonly T[], random: Random): T => list[integerBelow(random, list.length)]!;

function shuffled<T>(list: readonly T[], random: Random): T[] {
  const mixed = [...list];
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = integerBelow(random, i + 1);
    [mixed[i], mixed[j]] = [mixed[j]!, mixed[i]!];
  }
  return mixed;
}

/** In words, without who did it. */
export function tellFault(fault: Fault): string {
  switch (fault.is) {
    case "kill":
      return `kill -9 ${fault.node}`;
    case "pause":
      return `SIGSTOP ${fault.node}`;
    case "disk-full":
      return `disk full at ${fault.node}`;
    case "partition":
      return fault.says;
    case "slow":
      return `links of ${fault.node} slow: ${fault.delayMs} ms, ${fault.bytesPerSecond / 1024 / 1024} MiB/s`;
    case "clock":
      return `clock of ${fault.node} ${fault.offsetMs > 0 ? "ahead" : "behind"} by ${Math.abs(fault.offsetMs) / 1000} s`;
    case "rolling":
      return "all nodes restarted, one after the other";
  }
}

/** What can be compared: one kind, and one role of node where it hits one. */
export function groupOf(fault: Fault): string {
  return "node" in fault ? `${fault.is} ${fault.node.split(" ")[0]}` : fault.is;
}
