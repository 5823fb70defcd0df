import { type PlantedBug } from "@odradek/kit/simulation";

/** Bugs of writes, answers and reads. */
export const treeBugs: PlantedBug[] = [
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
  {
    name: "answersForgotten",
    id: "C-11",
    what: "answers are forgotten before the client knows them",
    edits: [
      {
        file: "tree/sessions.ts",
        find: `while (session.answeredUpTo < answeredUpTo && session.answeredUpTo < session.lastSequence) {`,
        replace: `while (session.answeredUpTo < session.lastSequence) {`,
      },
    ],
  },
  {
    name: "nameUsedAgain",
    id: "C-13",
    what: "a sequential node gets the name of one that is gone",
    edits: [
      {
        file: "tree/decide.ts",
        find: `sequentialPath(operation.path, parent.nextSequence)`,
        replace: `sequentialPath(operation.path, parent.childCount)`,
      },
    ],
  },
  {
    name: "tokenIgnored",
    id: "C-13",
    what: "what a lock guards is written without its token",
    edits: [
      {
        file: "testing/recipes/lock.ts",
        find: `return session.multi([lock.guard, ...operations]);`,
        replace: `return session.multi(operations);`,
      },
    ],
  },
  {
    name: "multiInPart",
    id: "C-14",
    what: "of a multi that fails, what came before the failure is done",
    edits: [
      {
        file: "tree/decide.ts",
        find: `if (typeof done === "string") return failed(at, done, operation.path);`,
        replace: `if (typeof done === "string") return { ...failed(at, done, operation.path), entry: draft.entry() };`,
      },
    ],
  },
  {
    name: "checkPasses",
    id: "C-14",
    what: "a check of a version passes whatever the version is",
    edits: [
      {
        file: "tree/decide.ts",
        find: `return node.version === operation.version ? { path: node.path, version: node.version } : "BAD_VERSION";`,
        replace: `return { path: node.path, version: node.version };`,
      },
    ],
  },
  {
    name: "exactIsAny",
    id: "C-15",
    what: "a write that wants one version is done on a later one",
    edits: [
      {
        file: "tree/decide.ts",
        find: `return version === "any" || node.version === version;`,
        replace: `return version === "any" || node.version >= version;`,
      },
    ],
  },
  {
    name: "unconfirmedRead",
    id: "R-18",
    what: "a leader answers reads without asking whether it still leads",
    edits: [
      {
        file: "api/session-stream.ts",
        find: `const barrier = await this.#desk.consensus.readBarrier();`,
        replace: `const barrier = await Promise.resolve("ok");`,
      },
    ],
  },
  {
    name: "compactionUnsaved",
    id: "R-26",
    what: "what a node forgot comes back when it starts again",
    edits: [
      {
        file: "tree/replay.ts",
        find: `if (dropped.length === 0) return []; return [`,
        replace: `if (dropped.length >= 0) return []; return [`,
      },
    ],
  },
];
