import { askRestart } from "../dev/control.ts";
import { signal, stateOf } from "../dev/process-identity.ts";
import { requireRunning, type NodeState } from "../dev/state-file.ts";
import { Failure } from "../terminal/failure.ts";
import { nodeName, rosterOf, type ChaosCluster, type Roster } from "./cluster.ts";
import type { FaultKind, NodeName } from "./schedule.ts";

/** What signals and `dev` itself can do; for the rest nodes must have been started for it. */
const possible: readonly FaultKind[] = ["kill", "pause", "rolling"];

function refuse(): never {
  throw new Error("a fault was begun that is not possible here");
}

/** The cluster of a running `odradek dev`, as its state file tells; it goes on afterwards. */
export class RunningCluster implements ChaosCluster {
  readonly roster: Roster;
  readonly setWeather = refuse;
  readonly clearWeather = refuse;
  readonly setClock = refuse;
  readonly setDiskFull = refuse;
  readonly #dataDir: string | undefined;

  constructor(dataDir: string | undefined) {
    this.#dataDir = dataDir;
    this.roster = rosterOf(requireRunning(dataDir).nodes);
  }

  obstacle(kind: FaultKind): string | null {
    if (possible.includes(kind)) return null;
    return "the nodes of `odradek dev` have nothing between them and their surroundings; --fresh starts a cluster that has";
  }

  signal(node: NodeName, name: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    signal(this.#node(node).process, name);
  }

  async restart(node: NodeName): Promise<void> {
    const { role, id } = this.#node(node);
    await askRestart(requireRunning(this.#dataDir), role, id);
  }

  isGone(node: NodeName): boolean {
    return stateOf(this.#node(node).process) === "gone";
  }

  async close(): Promise<void> {}

  /** What is paused must not stay so when nobody is left to resume it. */
  kill(): void {
    for (const { process: one } of requireRunning(this.#dataDir).nodes) signal(one, "SIGCONT");
  }

  /** Read anew each time: a restart gives a node another process. */
  #node(name: NodeName): NodeState {
    const node = requireRunning(this.#dataDir).nodes.find((one) => nodeName(one) === name);
    if (!node) throw new Failure("notFound", `there is no ${name}`);
    return node;
  }
}
