import { type PlantedBug } from "@odradek/kit/simulation";

/** Bugs of what watches tell, and of the past. */
export const watchBugs: PlantedBug[] = [
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
    name: "watchNotRenewed",
    id: "C-07",
    what: "a watch is not told to a new leader",
    edits: [
      {
        file: "client/session.ts",
        find: `for (const watch of this.#watches.values()) watch.start(send);`,
        replace: ``,
      },
    ],
  },
  {
    name: "compactionUnsaid",
    id: "C-07",
    what: "a watch goes on behind a gap of forgotten revisions and says nothing",
    edits: [
      {
        file: "tree/history.ts",
        find: `if (revision < this.#oldest) return null; return this.#kept.slice(revision - this.#oldest)`,
        replace: `return this.#kept.slice(Math.max(0, revision - this.#oldest))`,
      },
    ],
  },
  {
    name: "deletionsUntold",
    id: "C-07",
    what: "a watch does not tell of what is gone when something else changed with it",
    edits: [
      {
        file: "tree/watches.ts",
        find: `const deleted = changes.deleted.filter((path) => sees(range, path));`,
        replace: `const deleted = changed.length > 0 ? [] : changes.deleted.filter((path) => sees(range, path));`,
      },
    ],
  },
  {
    name: "watchSeesAll",
    id: "C-07",
    what: "a watch shows what is beside its path",
    edits: [
      {
        file: "tree/watches.ts",
        find: `return recursive ? isUnder(path, top) : path === top;`,
        replace: `return recursive ? isUnder(path, top) || path.length > 0 : path === top;`,
      },
    ],
  },
  {
    name: "revisionInTwo",
    id: "C-07",
    what: "a watch tells of one revision in two events",
    edits: [
      {
        file: "api/watching.ts",
        find: `this.#push({ is: "watchChanges", watchChanges: { watch, revision, changed, deleted } });`,
        replace: `this.#push({ is: "watchChanges", watchChanges: { watch, revision, changed, deleted: [] } });
          this.#push({ is: "watchChanges", watchChanges: { watch, revision, changed: [], deleted } });`,
      },
    ],
  },
  {
    name: "pastOneOff",
    id: "C-07",
    what: "the past is read one revision too late",
    edits: [
      {
        file: "tree/past.ts",
        find: `for (const changes of undone.toReversed()) {`,
        replace: `for (const changes of undone.slice(1).toReversed()) {`,
      },
    ],
  },
  {
    name: "pictureAfterAnswers",
    id: "C-08",
    what: "a watch that fell behind gets its picture after newer answers",
    edits: [
      {
        file: "api/watching.ts",
        find: `|| (!missed && orSnapshot)`,
        replace: ``,
      },
      {
        file: "client/watch.ts",
        find: `this.#waiting.push({ is: "compacted", oldest }); this.end();`,
        replace: `this.#seen = undefined; this.#begin();`,
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
    name: "readBeforeEvents",
    id: "C-08",
    what: "a client reads what its watch has not shown yet",
    edits: [
      {
        file: "api/service.ts",
        find: `if (result.changes) this.#scheduleEvents();`,
        replace: ``,
      },
      {
        file: "api/session-stream.ts",
        find: `if (barrier !== "ok") return this.notLeader(null); this.catchUp();`,
        replace: `if (barrier !== "ok") return this.notLeader(null);`,
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
];
