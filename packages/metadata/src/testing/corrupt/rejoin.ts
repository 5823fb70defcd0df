import { cpSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { SeededRandom } from "@odradek/kit/testing";

import type { PlantedBugs } from "../../raft/options.ts";
import { inspect } from "../../store/inspect.ts";
import { RaftMark } from "../../store/raft-mark.ts";
import { Cluster } from "./cluster.ts";
import { behind, type History, subject, whole } from "./history.ts";
import { type Injury, injuries } from "./injuries.ts";
import { RealDisk } from "./real-disk.ts";

/**
 * harmless: everything promised is there. outdated: it looks whole, is older than what was promised, and the others' word kept it from harm.
 * detected: it took itself for damaged and was repaired from the others. silent: something acknowledged was missing or wrong in
 * a leader or a state, a vote was given twice, or it was never well again.
 */
export const outcomes = ["harmless", "outdated", "detected", "silent"] as const;
export type Outcome = (typeof outcomes)[number];
export type Run = { seed: number; injury: string; did: string; outcome: Outcome; why: string };

const awayMs = 3_500;
const repairMs = 20_000;

/** Injures the subject's disk and lets it rejoin; the same seed does the same. `aborted`: LevelDB has ended two processes over this disk. */
export async function rejoin(
  seed: number,
  history: History,
  root: string,
  options: { planted?: PlantedBugs; aborted?: boolean } = {},
): Promise<Run> {
  const random = new SeededRandom(seed);
  const names = Object.keys(injuries);
  const injury = names[seed % names.length]!;
  const directory = join(root, `run-${seed}`);
  cpSync(history.directory, directory, { recursive: true });
  const did = (injuries[injury] as Injury)(directory, random, history);
  if (options.aborted) writeFileSync(join(directory, "level.opening"), "2");
  // An old disk that looks whole is known by the others' word alone: who alone could say it must be there.
  const isAlone = injury !== "older copy of everything" && random.next() < 0.5;
  const run = new Rejoining(history, directory, new Cluster(random, options.planted));
  try {
    const outcome = await run.run(isAlone);
    return { seed, injury, did, outcome, why: "" };
  } catch (error) {
    return { seed, injury, did, outcome: "silent", why: (error as Error).stack ?? String(error) };
  } finally {
    await run.end();
    rmSync(directory, { recursive: true, force: true });
  }
}

class Rejoining {
  readonly #history: History;
  readonly #directory: string;
  readonly #cluster: Cluster;
  readonly #lines: string[];
  #violation: string | null = null;

  constructor(history: History, directory: string, cluster: Cluster) {
    this.#history = history;
    this.#directory = directory;
    this.#lines = [...history.lines];
    this.#cluster = cluster;
    this.#cluster.look = () => this.#look();
    this.#cluster.wires.onSend = (from, to, message) => {
      const given = message.is === "voteReply" && message.granted ? to : message.is === "vote" ? subject : null;
      if (from !== subject || given === null) return;
      const before = history.votes.get(message.term) ?? given;
      if (before !== given) this.#violation = `voted for ${given} and before for ${before} in term ${message.term}`;
    };
  }

  /** `isAlone`: the only member that has all of what the subject promised comes later. */
  async run(isAlone: boolean): Promise<Outcome> {
    const cluster = this.#cluster;
    const { disks } = this.#history;
    await cluster.start(subject, await RealDisk.open(this.#directory));
    const outcome = this.#judge();
    await cluster.startInMemory(behind, disks.get(behind)!);
    if (isAlone) await cluster.until(() => false, awayMs);
    await cluster.startInMemory(whole, disks.get(whole)!);
    const isWell = await cluster.until(() => this.#isWell(), repairMs);
    if (!isWell) throw new Error(`not repaired: ${this.#describe()}`);
    for (const line of ["after 1", "after 2"]) {
      const is = await cluster.propose(line);
      if (is !== "applied") throw new Error(`no write after the repair: ${is}; ${this.#describe()}`);
      this.#lines.push(line);
    }
    if (!(await cluster.until(() => this.#isWell(), repairMs))) throw new Error(`not equal: ${this.#describe()}`);
    await this.#inspectDisk();
    return outcome;
  }

  async end(): Promise<void> {
    for (const id of [...this.#cluster.members.keys()]) await this.#cluster.stop(id).disk?.close();
  }

  #judge(): Outcome {
    if (existsSync(join(this.#directory, "level.damaged"))) return "detected";
    const { standing, term, vote, log, applied } = this.#cluster.members.get(subject)!.driver.core.state;
    if (standing !== "voter") return "detected";
    const { lines, votes, term: promised } = this.#history;
    const isWhole = term === promised && (votes.get(term) ?? vote) === vote && log.last.index >= lines.length;
    return isWhole && applied <= log.last.index ? "harmless" : "outdated";
  }

  /** After every step: nobody leads or shows a state without everything that was acknowledged, in its order. */
  #look(): void {
    if (this.#violation !== null) throw new Error(this.#violation);
    for (const [id, { driver, machine }] of this.#cluster.members) {
      const wrong = machine.lines.findIndex((line, at) => at < this.#lines.length && line !== this.#lines[at]);
      if (wrong >= 0) throw new Error(`member ${id} has another line ${wrong}`);
      if (driver.leadership.is === "leader" && machine.lines.length < this.#lines.length)
        throw new Error(`member ${id} leads with ${machine.lines.length} of ${this.#lines.length} lines`);
    }
  }

  #isWell(): boolean {
    return [...this.#cluster.members.values()].every(({ driver, machine }) => {
      const { role, leader } = driver.status();
      if (leader === null || leader !== this.#cluster.leader?.driver.status().id) return false;
      return (role === "leader" || role === "follower") && machine.lines.length >= this.#lines.length;
    });
  }

  /** What it will find at its next start is whole. */
  async #inspectDisk(): Promise<void> {
    await this.#cluster.stop(subject).disk!.close();
    const disk = await RealDisk.open(this.#directory);
    const found = await inspect(disk.kv, await RaftMark.open(disk.files, this.#directory));
    await disk.close();
    if (found.hole !== null || found.applied === null) throw new Error(`still damaged: ${found.hole ?? "state"}`);
  }

  #describe(): string {
    const members = [...this.#cluster.members.values()].map(({ driver }) => {
      const { role, standing, floor, rollCall, pending, synced, log, installing } = driver.core.state;
      const followers = role.is === "leader" ? [...role.followers] : [];
      const heard = rollCall && [...rollCall.heard];
      const rest = { standing, floor, heard, pending, synced, base: log.base.index, installing: installing !== null };
      return JSON.stringify({ ...driver.status(), ...rest, followers });
    });
    return members.join("\n");
  }
}
