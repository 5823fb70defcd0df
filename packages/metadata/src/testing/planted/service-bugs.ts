import type { PlantedBug } from "@odradek/kit/simulation";

/** Bugs of sessions, watches and writes: they show where whole members meet clients. */
export const serviceBugs: PlantedBug[] = [
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
    name: "watchGap",
    id: "C-07",
    what: "a watch goes on one revision too late after a new link",
    edits: [
      {
        file: "client/watch.ts",
        find: `this.#seen === undefined ? {} : { fromRevision: this.#seen };`,
        replace: `this.#seen === undefined ? {} : { fromRevision: this.#seen + 1 };`,
      },
    ],
  },
  {
    name: "watchRepeats",
    id: "C-07",
    what: "a watch goes on one revision too early, and the client takes it twice",
    edits: [
      {
        file: "client/watch.ts",
        find: `this.#seen === undefined ? {} : { fromRevision: this.#seen };`,
        replace: `this.#seen === undefined ? {} : { fromRevision: Math.max(0, this.#seen - 1) };`,
      },
      {
        file: "client/watch.ts",
        find: `if (!isNew) return;`,
        replace: `if (!isNew && event.is !== "changes") return;`,
      },
    ],
  },
  {
    name: "replyBeforeEvents",
    id: "C-08",
    what: "a client is told of its write before its watch is",
    edits: [
      {
        file: "api/service.ts",
        find: `if (result.changes) this.#scheduleEvents();`,
        replace: ``,
      },
      {
        file: "api/session-stream.ts",
        find: `const { reply } = proposed.result; this.catchUp();`,
        replace: `const { reply } = proposed.result;`,
      },
    ],
  },
  {
    name: "bookmarkOvertakes",
    id: "C-09",
    what: "a bookmark comes before the events that it stands for",
    edits: [
      {
        file: "api/service.ts",
        find: `if (result.changes) this.#scheduleEvents();`,
        replace: ``,
      },
      {
        file: "api/session-stream.ts",
        find: `bookmark(keepAlive: number): void { this.catchUp();`,
        replace: `bookmark(keepAlive: number): void {`,
      },
    ],
  },
  {
    name: "repeatIsNew",
    id: "C-11",
    what: "a write that is sent again is done again",
    edits: [
      {
        file: "tree/sessions.ts",
        find: `if (answer) return { is: "repeated", answer };`,
        replace: `if (answer) return { is: "apply" };`,
      },
    ],
  },
];
