import type { Network } from "./network.ts";
import type { FaultKind, NodeName, Nodes } from "./schedule.ts";

/** A cluster of real processes on which faults may be committed. */
export interface ChaosCluster {
  readonly bootstrap: string;
  readonly nodes: Nodes;
  /** Id and address of each metadata node. */
  readonly members: ReadonlyMap<number, string>;
  /** What stands between its nodes; null where they reach each other directly. */
  readonly network: Network | null;
  /** Why faults of this kind are not possible here; null: they are. */
  obstacle(kind: FaultKind): string | null;
  /** To the very process that was recorded, if it is still there. */
  signal(node: NodeName, name: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void;
  /** Stops the node in order if it runs, starts it, and resolves when it serves. */
  restart(node: NodeName): Promise<void>;
  isGone(node: NodeName): boolean;
  setClock(node: NodeName, offsetMs: number): void;
  setDiskFull(node: NodeName, isFull: boolean): void;
  /** Ends what was started for this run. `keepData`: to find out what went wrong. */
  close(options: { keepData: boolean }): Promise<void>;
  /** The same at once, for whoever can't wait. */
  kill(): void;
}

export const allNodes = ({ nodes }: ChaosCluster): NodeName[] => [...nodes.metadata, ...nodes.brokers];

export const nodeName = ({ role, id }: { readonly role: string; readonly id: number }): NodeName => `${role} ${id}`;
