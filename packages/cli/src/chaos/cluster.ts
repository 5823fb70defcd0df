import type { Weather } from "./link.ts";
import type { FaultKind, NodeName, Nodes } from "./schedule.ts";

/** Who is in a cluster: a restart changes a node's process, but neither its name nor its address. */
export type Roster = {
  readonly nodes: Nodes;
  /** Id and address of each metadata node. */
  readonly members: ReadonlyMap<number, string>;
  readonly bootstrap: string;
};

/** A cluster of real processes on which faults may be committed. */
export interface ChaosCluster {
  readonly roster: Roster;
  /** Why faults of this kind are not possible here; null: they are. */
  obstacle(kind: FaultKind): string | null;
  /** To the very process that was recorded, if it is still there. */
  signal(node: NodeName, name: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void;
  /** Stops the node in order if it runs, starts it, and resolves when it serves. */
  restart(node: NodeName): Promise<void>;
  isGone(node: NodeName): boolean;
  /** How bytes travel from one node to another, until `clearWeather`. */
  setWeather(from: NodeName, to: NodeName, weather: Partial<Weather>): void;
  clearWeather(): void;
  setClock(node: NodeName, offsetMs: number): void;
  setDiskFull(node: NodeName, isFull: boolean): void;
  /** Ends what was started for this run. `keepData`: to find out what went wrong. */
  close(options: { keepData: boolean }): Promise<void>;
  /** The same at once, for whoever can't wait. */
  kill(): void;
}

export const allNodes = ({ roster: { nodes } }: ChaosCluster): NodeName[] => [...nodes.metadata, ...nodes.brokers];

type Named = { readonly role: string; readonly id: number };

export const nodeName = ({ role, id }: Named): NodeName => `${role} ${id}`;

export function rosterOf(list: readonly (Named & { readonly address: string })[]): Roster {
  const metadata = list.filter(({ role }) => role === "metadata");
  const brokers = list.filter(({ role }) => role === "broker");
  return {
    nodes: { metadata: metadata.map(nodeName), brokers: brokers.map(nodeName) },
    members: new Map(metadata.map(({ id, address }) => [id, address])),
    bootstrap: brokers.map(({ address }) => address).join(","),
  };
}
