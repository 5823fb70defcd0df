import { type PlantedBug } from "@odradek/kit/simulation";

/** Bugs of the life and the end of sessions. */
export const sessionBugs: PlantedBug[] = [
  {
    name: "newLeaderNoGrace",
    id: "C-01",
    what: "a new leader gives clients no time to find it",
    edits: [
      {
        file: "api/judge.ts",
        find: `brokenAt: this.#now + judgement.newLeaderGraceMs,`,
        replace: `brokenAt: this.#now + 5,`,
      },
    ],
  },
  {
    name: "wordsNotCounted",
    id: "C-01",
    what: "what a client says does not keep its session alive",
    edits: [
      {
        file: "api/judge.ts",
        find: `if (verdict) verdict.silentAt = this.#now + verdict.timeoutMs;`,
        replace: ``,
      },
    ],
  },
  {
    name: "staleExpiry",
    id: "C-02",
    what: "an expiry that was decided before the client came back ends its session",
    edits: [
      {
        file: "tree/machine.ts",
        find: `command.term !== term || session?.renewals !== command.renewals;`,
        replace: `command.term !== term;`,
      },
    ],
  },
  {
    name: "unconfirmedPulse",
    id: "C-03",
    what: "a leader confirms sessions without asking whether it still leads",
    edits: [
      {
        file: "api/service.ts",
        find: `const barrier = await this.consensus.readBarrier();`,
        replace: `const barrier = await Promise.resolve("ok");`,
      },
    ],
  },
  {
    name: "leadsBeforeOldEntries",
    id: "C-04",
    what: "a new leader judges sessions before it has applied what came before it",
    edits: [
      {
        file: "raft/driver.ts",
        find: `if (role.is === "leader" && applied >= role.firstIndex && !this.#stopped)`,
        replace: `if (role.is === "leader" && applied >= 0 && !this.#stopped)`,
      },
    ],
  },
  {
    name: "ephemeralStays",
    id: "C-05",
    what: "a session that ends leaves one of its nodes behind",
    edits: [
      {
        file: "tree/machine.ts",
        find: `decideEnd(this.#state, session.owned)`,
        replace: `decideEnd(this.#state, [...session.owned].slice(1))`,
      },
      {
        file: "tree/machine.ts",
        find: `assert(session.owned.size === 0, "an ended session owns nothing");`,
        replace: ``,
      },
    ],
  },
  {
    name: "ownerNotMoved",
    id: "C-06",
    what: "a node that another session takes over stays with the old one",
    edits: [
      {
        file: "tree/decide.ts",
        find: `const owner = operation.ephemeral ? ownerOf(session) : node.owner;`,
        replace: `const owner = node.owner ?? (operation.ephemeral ? ownerOf(session) : null);`,
      },
    ],
  },
  {
    name: "oldOwnerRemoves",
    id: "C-06",
    what: "a session that ends removes nodes that another one has taken over",
    edits: [
      {
        file: "tree/state.ts",
        find: `if (before?.owner) this.sessions.get(before.owner)?.owned.delete(node.path);`,
        replace: ``,
      },
    ],
  },
  {
    name: "oldConnectionWrites",
    id: "C-12",
    what: "a write of an old connection is done after a newer one took over",
    edits: [
      {
        file: "tree/machine.ts",
        find: `if (command.epoch < session.epoch) return only({ is: "superseded" });`,
        replace: ``,
      },
    ],
  },
  {
    name: "oldConnectionReturns",
    id: "C-12",
    what: "an old connection takes the session back from a newer one",
    edits: [
      {
        file: "tree/machine.ts",
        find: `if (known && known.epoch >= epoch) return only({ is: "superseded" });`,
        replace: ``,
      },
    ],
  },
  {
    name: "stallCounts",
    id: "C-18",
    what: "time in which the leader stood still counts as silence",
    edits: [
      {
        file: "api/judge.ts",
        find: `Math.min(this.#clock.now() - this.#tickedAt, judgement.tickMs + judgement.latenessMs)`,
        replace: `(this.#clock.now() - this.#tickedAt)`,
      },
    ],
  },
  {
    name: "deathUnnoticed",
    id: "S10",
    what: "a stream that breaks is no sign of a death",
    edits: [
      {
        file: "api/judge.ts",
        find: `verdict.brokenAt = this.#now + judgement.graceMs;`,
        replace: ``,
      },
    ],
  },
  {
    name: "sessionUnjudged",
    id: "S10",
    what: "a new leader judges nobody who does not come to it",
    edits: [
      {
        file: "api/service.ts",
        find: `this.#judge.start(this.machine.state.sessions.values());`,
        replace: `this.#judge.start([]);`,
      },
    ],
  },
];
